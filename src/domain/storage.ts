import type { SizeRange } from './bytes.ts';
import type { NodeName, PoolName, VolumeId } from './ids.ts';
import type { Pool } from './pool.ts';
import type { QosChange } from './qos.ts';
import type { Volume, VolumeSpec, VolumeUse } from './volume.ts';

/** What is known of a node, and since when. Answers lists and capacity; never decides a create or a delete. */
export interface Inventory {
  readonly pools: ReadonlyMap<PoolName, Pool>;
  /** Also those that were born on other nodes. */
  readonly volumes: ReadonlyMap<VolumeId, Volume>;
  /** Volumes that were born on this node and given to another one, until they are deleted. */
  readonly given: ReadonlyMap<VolumeId, NodeName>;
  /** Milliseconds since the epoch of the last successful report. */
  readonly reportedAt: number;
  /** Configured pools that cannot serve now, each with the reason. */
  readonly unready: ReadonlyMap<PoolName, string>;
  /** Where a volume goes whose class names no pool: the first pool of the node's configuration, ready or not. */
  readonly defaultPool: PoolName | undefined;
}

/**
 * The volumes of one node. Every method may throw `unavailable` when the truth could not be established, and `busy` when
 * another operation on the same volume is in flight. A method with an id also throws `elsewhere` where the volume was born on this node and
 * given to another one.
 */
export interface Storage {
  readonly node: NodeName;
  /** From memory. Throws `unavailable` until the first report succeeded. */
  inventory(): Inventory;
  /** `undefined` only after a successful report that does not show the volume. Throws `busy` while it is being created. */
  find(id: VolumeId, signal: AbortSignal): Promise<Volume | undefined>;
  /**
   * The volume of that id when it exists already and fits the spec, else a new one.
   * Throws `exists`, `exhausted`, `out-of-range`, `invalid`; `exhausted` only where the volume was looked for and is not there.
   */
  create(spec: VolumeSpec, signal: AbortSignal): Promise<Volume>;
  /**
   * Also when it does not exist. Throws `precondition` while the volume is staged, published or open. `goneFrom`: the node that the volume was
   * given to has said that it does not have it any more; what this node has left of it, and the record, go too.
   */
  remove(id: VolumeId, signal: AbortSignal, goneFrom?: NodeName): Promise<void>;
  /** Never shrinks. Throws `not-found`, `exhausted`, `out-of-range`. */
  expand(id: VolumeId, size: SizeRange, signal: AbortSignal): Promise<Volume>;
  /** All of the change or nothing of it. Throws `not-found`, and `exhausted` where the pool's budget has no room for it. */
  modify(id: VolumeId, change: QosChange, signal: AbortSignal): Promise<Volume>;
  /** Records that the volume is meant to be in no PersistentVolume. Also when that is recorded. Throws `not-found`. */
  retain(id: VolumeId, signal: AbortSignal): Promise<Volume>;
}

/** What the node services need in addition: the record of what was formatted. */
export interface NodeVolumes {
  /**
   * The first use of a volume: one LVM transaction; afterwards the volume is never formatted again. Takes no signal: the callers'
   * patience is shorter than a long mkfs or check, which would begin again at each of their retries.
   */
  recordUse(id: VolumeId, use: VolumeUse): Promise<void>;
  /** Volumes that LVM and device-mapper can bear on this node. */
  volumeLimit(): number;
}

/** Gives a volume to one operation at a time, at once or not at all, so that no check can be overtaken. */
export interface VolumeLocks {
  /** Holds the volume for the task, and on while a program that the task gave up still runs. Throws `busy`. */
  hold<T>(id: VolumeId, operation: string, task: () => Promise<T>): Promise<T>;
  /** The operation that holds the volume now. */
  holder(id: VolumeId): string | undefined;
}
