import { volumeReasons } from '../../domain/health.ts';
import type { NodeRecord, PoolRecord, VolumeRecord } from './records.ts';

/** Something that a person should look at: of a volume, of a pool, or else of the node. */
export interface Attention {
  readonly node: string;
  readonly pool?: string;
  readonly volume?: string;
  /** `namespace/name` of the volume's claim. */
  readonly claim?: string | undefined;
  /** A reason of docs/reference/health.md. */
  readonly reason: string;
  /** What is wrong, and what to do. */
  readonly message: string;
}

/** All that needs attention: nodes first, then pools, then volumes. What is wrong with a thin pool is not said again for each of its volumes. */
export function attentionOf(
  nodes: readonly NodeRecord[],
  pools: readonly PoolRecord[],
  volumes: readonly VolumeRecord[],
): Attention[] {
  return [...nodes.flatMap(ofNode), ...pools.flatMap(ofPool), ...volumes.flatMap(ofVolume)];
}

function ofNode({ node, connected, since, problem }: NodeRecord): Attention[] {
  if (!connected) {
    const message = `not connected to this controller since ${since}: its volumes cannot be changed; look after the node`;
    return [{ node, reason: 'NodeDisconnected', message: problem === undefined ? message : `${message} (${problem})` }];
  }
  return problem === undefined ? [] : [{ node, reason: 'StateUnknown', message: problem }];
}

function ofPool({ node, pool, unready, conditions }: PoolRecord): Attention[] {
  if (conditions.length === 0 && unready !== undefined)
    return [{ node, pool, reason: 'PoolNotReady', message: unready }];
  return conditions.map(({ reason, message }) => ({ node, pool, reason, message }));
}

function ofVolume({ id, node, namespace, claim, conditions }: VolumeRecord): Attention[] {
  const bound = namespace === undefined || claim === undefined ? undefined : `${namespace}/${claim}`;
  return conditions
    .filter(({ reason }) => Object.hasOwn(volumeReasons, reason))
    .map(({ reason, message }) => ({ node, volume: id, claim: bound, reason, message }));
}
