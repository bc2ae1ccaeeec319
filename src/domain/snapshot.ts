import type { Bytes } from './bytes.ts';
import type { BlockQuery, Extent } from './changed-blocks.ts';
import type { Erasure } from './erasure.ts';
import type { Encrypted } from './encryption.ts';
import { Failure } from './errors.ts';
import {
  type GroupSnapshotId,
  type LvName,
  type NodeName,
  parseSnapshotId,
  parseVolumeId,
  type PoolName,
  type SnapshotId,
  type VgName,
  type VolumeId,
} from './ids.ts';
import type { SnapshotRoom } from './snapshot-room.ts';
import type { FilesystemState } from './volume.ts';

/** The content of a volume at one moment, from its tags and LVM's report. It outlives the volume. Sizes in bytes. */
export interface Snapshot extends Encrypted {
  readonly id: SnapshotId;
  /** The node that reports the snapshot. */
  readonly node: NodeName;
  readonly name: string;
  /** The volume that it was taken of; it may be deleted. */
  readonly source: VolumeId;
  readonly pool: PoolName;
  readonly group: VgName;
  readonly lv: LvName;
  /** Of the logical volume when the snapshot was taken. */
  readonly size: Bytes;
  /** Of the volume when the snapshot was taken. */
  readonly filesystem: FilesystemState;
  /** Milliseconds since the epoch, by the node's clock. */
  readonly taken: number;
  /**
   * - `creating`: it was cut off before anybody heard of it, and is taken again or removed
   * - `overfull`: its volume has overwritten more than its room holds, or the disk of its room failed; its content is lost
   */
  readonly state: 'ready' | 'creating' | 'overfull';
  /** Thick: the bytes of its own that keep what its volume overwrites. Absent: thin, it shares the blocks of its volume. */
  readonly room?: Bytes;
  /** Of a member of a group snapshot; its `name` is then the group's. */
  readonly memberOf?: Membership | undefined;
  /** At its deletion, as that of its volume. A controller does not know it. */
  readonly erase?: Erasure | undefined;
}

/** The group snapshot that a snapshot is a member of. */
export interface Membership {
  readonly id: GroupSnapshotId;
  /** The number of members that it was taken with. */
  readonly members: number;
}

/** A snapshot to take. */
export interface SnapshotSpec {
  /** The CSI name; the storage derives the snapshot's id from it, so that the same name is the same snapshot. */
  readonly name: string;
  readonly source: VolumeId;
  /** Of a thick snapshot; absent: that of its volume. A thin one needs none. */
  readonly room?: SnapshotRoom | undefined;
}

/** What a new volume begins with. If both are thin and in one pool, they share the blocks that neither changes; else the content is copied. */
export type ContentSource = { readonly snapshot: SnapshotId } | { readonly volume: VolumeId };

/** The source as text: `snapshot/<id>` or `volume/<id>`. */
export function printSource(source: ContentSource): string {
  return 'snapshot' in source ? `snapshot/${source.snapshot}` : `volume/${source.volume}`;
}

/** Reads what `printSource` wrote; `undefined` for any other text. */
export function parseSource(text: string): ContentSource | undefined {
  const [, kind, id = ''] = /^(snapshot|volume)\/(.+)$/.exec(text) ?? [];
  const [snapshot, volume] = [parseSnapshotId(id), parseVolumeId(id)];
  if (kind === 'snapshot') return snapshot && { snapshot: snapshot.id };
  return kind === 'volume' && volume && !snapshot ? { volume: volume.id } : undefined;
}

/** Throws `exists` for a snapshot that was taken of another volume than is asked for. */
export function refuseOtherSource(snapshot: Snapshot, { name, source }: SnapshotSpec): void {
  if (snapshot.source === source && snapshot.name === name) return;
  throw new Failure(
    'exists',
    `snapshot "${name}" exists on node ${snapshot.node}: it was taken of volume ${snapshot.source}, not of ${source}`,
  );
}

/** Throws `invalid` for a snapshot whose content is lost. */
export function refuseOverfull({ id, state }: { readonly id: string; readonly state: string }): void {
  if (state !== 'overfull') return;
  throw new Failure('invalid', `snapshot ${id} is overfull: its content is lost, so delete it`);
}

/** The snapshots of one node. Every method may throw `unavailable` if the state could not be read, and `busy`. */
export interface Snapshots {
  /** `undefined` only after a successful report without the snapshot. */
  find(id: SnapshotId, signal: AbortSignal): Promise<Snapshot | undefined>;
  /**
   * The existing snapshot of that name, else a new one; the volume may be in use.
   * Throws `not-found` for a volume that does not exist, `exists`, `exhausted`.
   */
  take(spec: SnapshotSpec, signal: AbortSignal): Promise<Snapshot>;
  /** Succeeds also if the snapshot does not exist. Volumes that were made from it stay whole. Throws `precondition` while one is copied from it, if it is thick. */
  remove(id: SnapshotId, signal: AbortSignal): Promise<void>;
  /**
   * The blocks of a snapshot, as lists of extents in ascending order, apart and within the snapshot's size; a list is read from the disk when it is asked for.
   * Throws `not-found` for a snapshot that does not exist, `precondition` for one whose pool does not record blocks.
   */
  blocks(query: BlockQuery, signal: AbortSignal): AsyncIterable<readonly Extent[]>;
}
