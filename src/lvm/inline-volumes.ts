import type { Bytes } from '../domain/bytes.ts';
import { roundedSize } from '../domain/capacity.ts';
import { encryptionFrom, leastMemory } from '../domain/encryption.ts';
import { Failure } from '../domain/errors.ts';
import { type PoolName, volumeIdFor } from '../domain/ids.ts';
import { offerOf, type RefusalReason } from '../domain/offer.ts';
import { applyChange, noQos } from '../domain/qos.ts';
import type { InlineVolumes, InlineWish, Inventory } from '../domain/storage.ts';
import type { VolumeSpec } from '../domain/volume.ts';
import { lvNameFor } from './names.ts';
import type { LocalStorage } from './storage.ts';

/** An administrator's bounds: no quota of Kubernetes counts inline volumes. */
export interface InlineBounds {
  /** Absent: all pools. */
  readonly pools?: readonly PoolName[] | undefined;
  readonly maxSize?: Bytes | undefined;
}

/** The inline volumes over LVM: ordinary logical volumes with a role of their own, and their pod and target in tags. */
export function createInlineVolumes(storage: LocalStorage, bounds: InlineBounds): InlineVolumes {
  return {
    idOf: (handle) => volumeIdFor(storage.node, lvNameFor(handle)),
    create: async (wish, signal) => storage.create(specOf(storage.inventory(), wish, bounds), signal),
    remove: (id, signal) => storage.removeInline(id, signal),
    list: () => [...storage.inventory().volumes.values()].filter(({ role }) => role === 'inline'),
  };
}

function specOf(
  inventory: Inventory,
  { handle, parameters, size, inline }: InlineWish,
  { pools, maxSize }: InlineBounds,
): VolumeSpec {
  const offer = offerOf(inventory, parameters);
  if ('reason' in offer) throw new Failure(kindOf(offer.reason), `no inline volume can be made: ${offer.message}`);
  const { name } = offer.pool.spec;
  if (pools && !pools.includes(name)) {
    const allowed = pools.length === 0 ? 'none' : pools.join(', ');
    throw new Failure('invalid', `pool ${name} has no inline volumes on this node; pools that do: ${allowed}`);
  }
  const wanted = roundedSize(offer.pool, offer.layout, size);
  if (maxSize !== undefined && wanted > maxSize)
    throw new Failure(
      'exhausted',
      `an inline volume of this node has ${maxSize} bytes at most; ${wanted} were asked for`,
    );
  const { mkfsOptions, erase } = parameters;
  const qos = applyChange(noQos, parameters.qos);
  const wished = encryptionFrom(parameters);
  if (wished?.integrity)
    throw new Failure(
      'invalid',
      'encryptionIntegrity: an inline volume has none: the node would write all of it before its pod starts',
    );
  // Its key is random: nobody guesses it, however little a guess costs.
  const encryption = wished && { ...wished, memory: leastMemory };
  return { name: handle, pool: name, layout: offer.layout, size, mkfsOptions, qos, inline, erase, encryption };
}

function kindOf(reason: RefusalReason): 'invalid' | 'exhausted' {
  return reason === 'invalid' ? 'invalid' : 'exhausted';
}
