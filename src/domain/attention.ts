import { volumeReasons } from './health.ts';

interface Wrong {
  readonly reason: string;
  readonly message: string;
}

/** What decides whether a node needs attention. */
interface NodeState {
  readonly node: string;
  readonly connected: boolean;
  /** In ISO 8601. */
  readonly since: string;
  readonly problem?: string | undefined;
}

interface PoolState {
  readonly node: string;
  readonly pool: string;
  readonly unready?: string | undefined;
  readonly conditions: readonly Wrong[];
}

interface VolumeState {
  readonly id: string;
  readonly node: string;
  readonly namespace?: string | undefined;
  readonly claim?: string | undefined;
  readonly conditions: readonly Wrong[];
}

interface Notice extends Wrong {
  readonly node: string;
  readonly pool?: string | undefined;
  readonly volume?: string | undefined;
}

/** Something that a person should look at: of a volume, of a pool, or else of the node. */
export interface Attention {
  readonly node: string;
  readonly pool?: string | undefined;
  readonly volume?: string | undefined;
  /** `namespace/name` of the volume's claim. */
  readonly claim?: string | undefined;
  /** A reason of docs/reference/health.md. */
  readonly reason: string;
  /** What is wrong, and what to do. */
  readonly message: string;
}

/** All that needs attention: nodes first, then pools, then volumes, then what nodes want to be known. What is wrong with a thin pool is not said again for each of its volumes. */
export function attentionOf(
  nodes: readonly NodeState[],
  pools: readonly PoolState[],
  volumes: readonly VolumeState[],
  notices: readonly Notice[] = [],
): Attention[] {
  const wanted = new Set(notices.map(({ volume }) => volume));
  const claims = new Map(volumes.filter(({ id }) => wanted.has(id)).map((volume) => [volume.id, claimOf(volume)]));
  const told = notices.map(({ node, pool, volume, reason, message }) => {
    return { node, pool, volume, claim: claims.get(volume ?? ''), reason, message };
  });
  return [...nodes.flatMap(ofNode), ...pools.flatMap(ofPool), ...volumes.flatMap(ofVolume), ...told];
}

function ofNode({ node, connected, since, problem }: NodeState): Attention[] {
  if (!connected) {
    const message = `not connected to this controller since ${since}: its volumes cannot be changed; look after the node`;
    return [{ node, reason: 'NodeDisconnected', message: problem === undefined ? message : `${message} (${problem})` }];
  }
  return problem === undefined ? [] : [{ node, reason: 'StateUnknown', message: problem }];
}

function ofPool({ node, pool, unready, conditions }: PoolState): Attention[] {
  if (conditions.length === 0 && unready !== undefined)
    return [{ node, pool, reason: 'PoolNotReady', message: unready }];
  return conditions.map(({ reason, message }) => ({ node, pool, reason, message }));
}

function claimOf({ namespace, claim }: VolumeState): string | undefined {
  return namespace === undefined || claim === undefined ? undefined : `${namespace}/${claim}`;
}

function ofVolume(state: VolumeState): Attention[] {
  const { id, node, conditions } = state;
  return conditions
    .filter(({ reason }) => Object.hasOwn(volumeReasons, reason))
    .map(({ reason, message }) => ({ node, volume: id, claim: claimOf(state), reason, message }));
}
