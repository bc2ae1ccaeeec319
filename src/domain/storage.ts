import type { SizeRange } from './bytes.ts';
import type { GroupSnapshots } from './group-snapshot.ts';
import type { Health } from './health.ts';
import type { News } from './news.ts';
import type { GroupSnapshotId, InlineHandle, NodeName, PoolName, SnapshotId, VolumeId } from './ids.ts';
import type { ClassParameters } from './parameters.ts';
import type { Pool } from './pool.ts';
import type { QosChange } from './qos.ts';
import type { Snapshot, Snapshots } from './snapshot.ts';
import type { Inline, Volume, VolumeSpec, VolumeUse } from './volume.ts';

/** The last report of a node. Lists and capacity are read from it; creates and deletes never rely on it. */
export interface Inventory {
  readonly pools: ReadonlyMap<PoolName, Pool>;
  /** Includes volumes that other nodes created. */
  readonly volumes: ReadonlyMap<VolumeId, Volume>;
  readonly snapshots: ReadonlyMap<SnapshotId, Snapshot>;
  /** Volumes that this node created and gave to another one, until they are deleted. */
  readonly given: ReadonlyMap<VolumeId, NodeName>;
  /** Milliseconds since the epoch of the last successful report. */
  readonly reportedAt: number;
  /** Configured pools that cannot serve now, each with the reason. */
  readonly unready: ReadonlyMap<PoolName, string>;
  readonly health: Health;
  /** The pool of a class that names none: the first of the node's configuration, ready or not. */
  readonly defaultPool: PoolName | undefined;
  /** Empty of a node of an earlier version, which reports none; absent where none were collected. */
  readonly news?: News | undefined;
}

/**
 * The volumes of one node. Every method may throw `unavailable` if the state could not be read, and `busy` while another operation on the
 * same volume is in flight. A method with an id also throws `elsewhere` if this node created the volume and gave it to another one.
 */
export interface Storage {
  readonly node: NodeName;
  readonly snapshots: Snapshots;
  readonly groupSnapshots: GroupSnapshots;
  /** From memory. Throws `unavailable` until the first report succeeded. */
  inventory(): Inventory;
  /** `undefined` only after a successful report without the volume. Throws `busy` while it is being created. */
  find(id: VolumeId, signal: AbortSignal): Promise<Volume | undefined>;
  /**
   * The existing volume of that id if it fits the spec, else a new one, with the content of its source if it has one.
   * Throws `not-found` for a source that does not exist, `exists`, `exhausted`, `out-of-range`, `invalid`; `exhausted` only after it was proven that the volume does not exist.
   */
  create(spec: VolumeSpec, signal: AbortSignal): Promise<Volume>;
  /**
   * Succeeds also if the volume does not exist. Throws `precondition` while it is staged, published or open. `goneFrom`: the node that the
   * volume was given to, after it has reported that it no longer has it; this node then removes its remains and its record.
   */
  remove(id: VolumeId, signal: AbortSignal, goneFrom?: NodeName): Promise<void>;
  /** Never shrinks. Throws `not-found`, `exhausted`, `out-of-range`. */
  expand(id: VolumeId, size: SizeRange, signal: AbortSignal): Promise<Volume>;
  /** Applies all of the change or none of it. Throws `not-found`, and `exhausted` if the pool's budget has no room for it. */
  modify(id: VolumeId, change: QosChange, signal: AbortSignal): Promise<Volume>;
  /** Records that the volume is in no PersistentVolume on purpose. Succeeds also if that is recorded already. Throws `not-found`. */
  retain(id: VolumeId, signal: AbortSignal): Promise<Volume>;
  /** Records the volume's PersistentVolume, over what was recorded before: see `printRecord`. Throws `not-found`. */
  record(id: VolumeId, persistentVolume: string, signal: AbortSignal): Promise<Volume>;
}

/** Needed by the node services only: the record of how volumes were first used. */
export interface NodeVolumes {
  /**
   * Records the first use of a volume in one LVM transaction; afterwards the volume is never formatted again. Takes no signal: callers
   * time out before a long mkfs or check ends, which would begin again at each retry.
   */
  recordUse(id: VolumeId, use: VolumeUse): Promise<void>;
  /** Records that an encrypted volume has its header, in one LVM transaction; afterwards none is made on it again. */
  recordHeader(id: VolumeId): Promise<void>;
  /** Records that the previous passphrase of an encrypted volume opens it no more. @param at milliseconds since the epoch */
  recordRotation(id: VolumeId, at: number): Promise<void>;
  /** The number of volumes that LVM and device-mapper can hold on this node. */
  volumeLimit(): number;
}

/** An inline volume as its pod asks for it. */
export interface InlineWish {
  readonly handle: InlineHandle;
  readonly parameters: ClassParameters;
  readonly size: SizeRange;
  readonly inline: Required<Inline>;
}

/** The inline volumes of this node's pods. Methods throw as those of `Storage`. */
export interface InlineVolumes {
  idOf(handle: InlineHandle): VolumeId;
  /** As `Storage.create`. */
  create(wish: InlineWish, signal: AbortSignal): Promise<Volume>;
  /** Succeeds also if the volume does not exist. Throws `precondition` while it is in use, and for any other volume. */
  remove(id: VolumeId, signal: AbortSignal): Promise<void>;
  /** According to the last report. Throws `unavailable` until the first one. */
  list(): readonly Volume[];
}

/** Lets one operation at a time work on a volume, a snapshot or a group snapshot; a second one fails at once, so that no check becomes outdated. */
export interface VolumeLocks {
  /** Locks the volume for the task, and as long as a program that the task gave up still runs. Throws `busy`. */
  hold<T>(
    id: VolumeId | SnapshotId | GroupSnapshotId | InlineHandle,
    operation: string,
    task: () => Promise<T>,
  ): Promise<T>;
  /** The operation that has locked the volume. */
  holder(id: VolumeId | SnapshotId | GroupSnapshotId): string | undefined;
}
