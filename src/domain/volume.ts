import type { Bytes, SizeRange } from './bytes.ts';
import { type Encrypted, encryptionFor, type Luks2, refuseOtherEncryption } from './encryption.ts';
import { Failure } from './errors.ts';
import type { Erasure } from './erasure.ts';
import type { Qos } from './qos.ts';
import { type ContentSource, printSource } from './snapshot.ts';
import type { SnapshotRoom } from './snapshot-room.ts';
import type { LvName, NodeName, PoolName, VgName, VolumeId } from './ids.ts';
import type { PodUid } from './pod-targets.ts';

/** The filesystems that Quarry can make, check and grow. */
export const filesystemTypes = ['ext4', 'xfs', 'btrfs'] as const;
/** One of `filesystemTypes`. */
export type FilesystemType = (typeof filesystemTypes)[number];

/** Thin volumes share the stripes and mirrors of their thin pool; a thick volume has its own. */
export type Layout =
  | { readonly type: 'thin' }
  | {
      readonly type: 'thick';
      /** 1: linear. */
      readonly stripes: number;
      /** Bytes on one device before the next is used; counts only with two stripes or more. */
      readonly stripeSize: Bytes;
      /** Additional copies; 0: none. */
      readonly mirrors: number;
    };

/** Throws `unimplemented` for a volume whose layout only a newer version knows. */
export function knownLayout({ id, layout }: Pick<Volume, 'id' | 'layout'>): Layout {
  if (layout.type !== 'unknown') return layout;
  throw new Failure('unimplemented', `volume ${id} has a layout that only a newer version of Quarry knows`);
}

/** The layout of a volume that a newer version made: it is listed and left alone. */
export interface UnknownLayout {
  readonly type: 'unknown';
}

/** A volume to create. */
export interface VolumeSpec {
  /** The CSI name; the storage derives the volume's id from it, so that the same name is the same volume. */
  readonly name: string;
  readonly pool: PoolName;
  readonly layout: Layout;
  readonly size: SizeRange;
  readonly mkfsOptions: readonly string[];
  readonly qos: Qos;
  /** Of its thick snapshots; absent: `defaultRoom`. */
  readonly snapshotRoom?: SnapshotRoom | undefined;
  /** Absent: the volume begins empty. */
  readonly source?: ContentSource | undefined;
  /** Present exactly for an inline volume. */
  readonly inline?: Inline | undefined;
  /** At its deletion; absent: none. */
  readonly erase?: Erasure | undefined;
  /** Its logical volume is larger than `size` by the header. Absent: not encrypted. */
  readonly encryption?: Luks2 | undefined;
}

/**
 * The roles of a logical volume that has a volume's id and must not be used as the volume:
 *
 * - `arriving`   a copy that is not complete
 * - `leaving`    the volume itself, while it is given to another node
 * - `superseded` the remains of a volume that another node has now
 * - `replica`    a copy that follows the volume
 * - `inline`     the scratch volume of a pod, which only the publish of its pod may use
 */
export const passiveRoles = ['arriving', 'leaving', 'superseded', 'replica', 'inline'] as const;
/** One of `passiveRoles`; `unknown`: a role of a newer version. */
export type PassiveRole = (typeof passiveRoles)[number] | 'unknown';

/**
 * Throws `unavailable` for a logical volume that must not be staged, listed, changed or given a topology, and `precondition` for an inline
 * volume.
 */
export function refusePassive({ id, node, role }: Pick<Volume, 'id' | 'node' | 'role'>): void {
  if (role === undefined) return;
  if (role === 'inline') {
    throw new Failure('precondition', `volume ${id} is an inline volume: it belongs to a pod, and is deleted with it`);
  }
  throw new Failure(
    'unavailable',
    `the copy of volume ${id} on node ${node} is ${role}: it cannot be used as the volume now`,
  );
}

/** Throws `busy` for a volume whose content is not whole. */
export function refuseCopying(volume: Pick<Volume, 'id' | 'state' | 'source'>): void {
  const { id, state } = volume;
  if (state === 'copying') throw new Failure('busy', `volume ${id} is being ${copyingOf(volume)}: try again`);
}

/** What is done to a volume in the state `copying`. */
export function copyingOf({ source }: Pick<Volume, 'source'>): string {
  return source ? `copied from ${printSource(source)}` : 'written with zeros';
}

/** The first use of a volume; `block`: as a raw block device, whose content Quarry never touches. */
export const volumeUses = ['block', ...filesystemTypes] as const;
/** One of `volumeUses`. */
export type VolumeUse = (typeof volumeUses)[number];

/**
 * The content of a volume according to its tags: `none` until its first use. `unknown`: the record is lost, or a newer version wrote it,
 * so the volume must never be formatted.
 */
export type FilesystemState = 'none' | 'unknown' | VolumeUse;

/** A lost or unknown record counts as formatted. */
export function parseFilesystemState(text: string | undefined): FilesystemState {
  if (text === 'none') return 'none';
  return volumeUses.find((known) => known === text) ?? 'unknown';
}

/** What an inline volume belongs to: it is made for one pod, and removed with it. */
export interface Inline {
  readonly pod: { readonly uid: PodUid; readonly namespace: string; readonly name: string };
  /** Where kubelet publishes it. A controller does not know it. */
  readonly target?: string;
}

/** What tags say of the content of a volume or a snapshot; a copy of it has the same. */
export type RecordedContent = Encrypted & { readonly filesystem: FilesystemState };

/** That part of a volume or a snapshot. */
export function contentIn({ filesystem, encryption, headerless }: RecordedContent): RecordedContent {
  return { filesystem, ...(encryption && { encryption }), ...(headerless && { headerless }) };
}

/** What a new volume holds: what its source does, or nothing. Throws `invalid` for a source that is encrypted otherwise. */
export function contentFor(
  { encryption, size }: Pick<VolumeSpec, 'encryption' | 'size'>,
  source: RecordedContent | undefined,
): RecordedContent {
  if (source) refuseOtherEncryption(encryption, source);
  if (source) return contentIn(source);
  if (!encryption) return { filesystem: 'none' };
  return { filesystem: 'none', encryption: encryptionFor(encryption, size), headerless: true };
}

/** A volume, from its tags and LVM's report. Sizes in bytes. */
export interface Volume extends Encrypted {
  readonly id: VolumeId;
  /** The node that reports the volume. */
  readonly node: NodeName;
  /** Absent: this is the volume itself. */
  readonly role?: PassiveRole;
  readonly name: string;
  readonly pool: PoolName;
  readonly group: VgName;
  readonly lv: LvName;
  /** Of the logical volume; the user of an encrypted one gets `usableSize`. */
  readonly size: Bytes;
  readonly layout: Layout | UnknownLayout;
  readonly filesystem: FilesystemState;
  readonly mkfsOptions: readonly string[];
  readonly qos: Qos;
  /** As in VolumeSpec. A controller does not know it. */
  readonly snapshotRoom?: SnapshotRoom;
  /** What it began with; absent: nothing. */
  readonly source?: ContentSource;
  /** At its deletion; absent: none. */
  readonly erase?: Erasure;
  /**
   * - `creating`: it is not yet proven to be wiped, or to have its size, and no user has written to it
   * - `copying`: the content of its source is not whole; without a source: it is not all zeros yet
   */
  readonly state: 'ready' | 'creating' | 'copying';
  /**
   * For a mirrored volume that may be written to, or may not have been closed: the boots of the machine in which it was opened. Absent:
   * it is closed, and its copies are equal.
   */
  readonly boots?: readonly string[];
  /** Milliseconds since the epoch, by the node's clock, if LVM reports it. */
  readonly created?: number;
  /** Of an encrypted volume: when a stage last made sure that the previous passphrase opens it no more; milliseconds since the epoch, by the node's clock. Absent: never. */
  readonly rotated?: number;
  /** Of a volume whose role is `inline`. */
  readonly inline?: Inline;
  /** An administrator keeps it without a PersistentVolume on purpose. */
  readonly retained?: true;
  /** What its PersistentVolume was when it was last seen, as `printRecord` writes it; absent: not recorded. */
  readonly persistentVolume?: string;
}

/** A volume of this node with the device at the top of its open stack. */
export interface OpenVolume {
  readonly volume: Volume;
  /** `/dev/mapper/…` */
  readonly device: string;
}
