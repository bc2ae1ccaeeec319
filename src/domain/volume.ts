import type { Bytes, SizeRange } from './bytes.ts';
import { Failure } from './errors.ts';
import type { Qos } from './qos.ts';
import type { LvName, NodeName, PoolName, VgName, VolumeId } from './ids.ts';

/** What Quarry can make, check and grow. */
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

/** Throws `unimplemented` for the layout of a volume that a newer version has made. */
export function knownLayout({ id, layout }: Pick<Volume, 'id' | 'layout'>): Layout {
  if (layout.type !== 'unknown') return layout;
  throw new Failure('unimplemented', `volume ${id} has a layout that is not known here: a newer version made it`);
}

/** Of a volume that a newer version has made: it is listed and left alone. */
export interface UnknownLayout {
  readonly type: 'unknown';
}

/** A volume that is asked for. */
export interface VolumeSpec {
  /** The CSI name; the storage derives the volume's id from it, so that the same name is the same volume. */
  readonly name: string;
  readonly pool: PoolName;
  readonly layout: Layout;
  readonly size: SizeRange;
  readonly mkfsOptions: readonly string[];
  readonly qos: Qos;
}

/**
 * What a logical volume is that bears a volume's id and is not to be used as the volume:
 *
 * - `arriving`   a copy that is not complete
 * - `leaving`    the volume itself, while it is given to another node
 * - `superseded` what was the volume until another node got it
 * - `replica`    a copy that follows the volume
 */
export const passiveRoles = ['arriving', 'leaving', 'superseded', 'replica'] as const;
/** `unknown`: a role of a newer version. */
export type PassiveRole = (typeof passiveRoles)[number] | 'unknown';

/** Throws `unavailable` for what may not be staged, listed, changed or given a topology. */
export function refusePassive({ id, node, role }: Pick<Volume, 'id' | 'node' | 'role'>): void {
  if (role === undefined) return;
  throw new Failure(
    'unavailable',
    `what node ${node} has of volume ${id} is ${role}: it cannot be used as the volume now`,
  );
}

/** What a volume was first used for; `block`: as a raw block device, so that its content is its user's alone. */
export const volumeUses = ['block', ...filesystemTypes] as const;
/** One of `volumeUses`. */
export type VolumeUse = (typeof volumeUses)[number];

/**
 * What a volume holds, as its tags say: `none` until it is used for the first time. `unknown`: the record is lost, or written by
 * a newer version, so that the volume must never be formatted.
 */
export type FilesystemState = 'none' | 'unknown' | VolumeUse;

/** Unknown is not absent: whatever is lost or strange counts as formatted. */
export function parseFilesystemState(text: string | undefined): FilesystemState {
  if (text === 'none') return 'none';
  return volumeUses.find((known) => known === text) ?? 'unknown';
}

/** A volume as its tags and LVM show it. Sizes in bytes. */
export interface Volume {
  readonly id: VolumeId;
  /** Where it is: the node that reports it. */
  readonly node: NodeName;
  /** Absent: it is the volume itself. */
  readonly role?: PassiveRole;
  readonly name: string;
  readonly pool: PoolName;
  readonly group: VgName;
  readonly lv: LvName;
  readonly size: Bytes;
  readonly layout: Layout | UnknownLayout;
  readonly filesystem: FilesystemState;
  readonly mkfsOptions: readonly string[];
  readonly qos: Qos;
  /** `creating`: its first bytes were not yet proven to be wiped; nothing was ever written through it. */
  readonly state: 'ready' | 'creating';
  /**
   * Of a mirrored volume that may be written to, or may not have been closed: the boots of the machine in which it was opened. Absent: it
   * is closed, and its copies are equal.
   */
  readonly boots?: readonly string[];
  /** Milliseconds since the epoch, by the node's clock, where LVM says so. */
  readonly created?: number;
  /** Somebody has said that it is meant to be in no PersistentVolume. */
  readonly retained?: true;
}

/** A volume of this node with the block device that gives access to it now: the top of its devices. */
export interface OpenVolume {
  readonly volume: Volume;
  /** `/dev/mapper/…` */
  readonly device: string;
}
