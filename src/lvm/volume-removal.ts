import { Failure } from '../domain/errors.ts';
import { type NodeName, parseVolumeId, type VolumeId } from '../domain/ids.ts';
import type { VolumeLocks } from '../domain/storage.ts';
import { knownLayout, refusePassive, type Volume } from '../domain/volume.ts';
import type { Copies } from './copies/copies.ts';
import { retire } from './erasure/retirement.ts';
import type { Growth } from './growth/growth.ts';
import { afterGrowth } from './prediction.ts';
import { decodeLv } from './records.ts';
import { lookUpForRemoval, type RemovalOptions } from './removal.ts';
import { removeGiven } from './remove-given.ts';
import { toVolume } from './volume-records.ts';
import type { Writer } from './writer.ts';

export interface VolumeRemovalOptions extends RemovalOptions {
  readonly writer: Writer;
  readonly locks: VolumeLocks;
  readonly volumeCopies: Copies;
  readonly rooms: Pick<Growth['rooms'], 'cancel'>;
}

/** Removes volumes. */
export class VolumeRemoval {
  readonly #options: VolumeRemovalOptions;

  constructor(options: VolumeRemovalOptions) {
    this.#options = options;
  }

  /** Succeeds also if the volume does not exist. Throws `precondition` while it is in use, and for one that a pod or another node has. */
  async remove(id: VolumeId, signal: AbortSignal, goneFrom?: NodeName): Promise<void> {
    const { locks, cache, volumeCopies, rooms } = this.#options;
    return locks.hold(id, 'DeleteVolume', async () => {
      await volumeCopies.cancel(id);
      rooms.cancel(id);
      const volume = await cache.find(id, { goneFrom });
      if (volume?.role === 'inline') refusePassive(volume);
      if (volume) await this.#remove(volume, signal, goneFrom);
      if (volume?.state === 'copying') await volumeCopies.sources.remove(id);
      // Last, because the record says where else the volume may be.
      if (goneFrom !== undefined) await removeGiven(this.#options, id, signal);
    });
  }

  /** Removes the inline volume of a pod; succeeds also if it does not exist. Throws `precondition` for any other volume, and while it is in use. */
  async removeInline(id: VolumeId, signal: AbortSignal): Promise<void> {
    const { locks, cache } = this.#options;
    return locks.hold(id, 'the removal of the inline volume', async () => {
      const volume = await cache.find(id);
      if (volume && volume.role !== 'inline') throw new Failure('precondition', `volume ${id} is no inline volume`);
      if (volume) await this.#remove(volume, signal, undefined);
    });
  }

  async #remove(volume: Volume, signal: AbortSignal, goneFrom: NodeName | undefined): Promise<void> {
    const { node, cache, writer, activation } = this.#options;
    const { id, group } = volume;
    await writer.exclusive(group, signal, async () => {
      const what = `volume ${id} could not be removed`;
      const found = await lookUpForRemoval(this.#options, volume, what, goneFrom);
      if (!found) return cache.drop(id);
      const record = decodeLv(found.row);
      const { role } = toVolume(record, volume.pool, node) ?? volume;
      const passive = role !== undefined && role !== 'leaving' && (role !== 'inline' || volume.role !== 'inline');
      const isCopy = passive && parseVolumeId(id)?.node === node;
      // Without the record nothing says which node has the volume.
      if (isCopy && goneFrom === undefined) refusePassive({ ...volume, role });
      await activation.refuseInUse(volume);
      // From before the removal: a report that runs meanwhile may already leave the volume out.
      const pool = cache.current().pools.get(volume.pool);
      const removed = await retire(this.#options, what, record);
      cache.drop(id);
      if (pool && removed) cache.putPool(afterGrowth(pool, knownLayout(volume), -volume.size));
    });
  }
}
