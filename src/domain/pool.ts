import type { Bytes } from './bytes.ts';
import type { Erasure } from './erasure.ts';
import type { PoolName, VgName } from './ids.ts';
import type { Budget } from './qos.ts';
import type { Layout } from './volume.ts';

/** Marks a disk as ours, at the start of its PV's UUID: it is on the disk itself, before the disk is in a group. */
export const deviceMark = 'quarry';

/** The rule by which a pool selects disks. A disk matches if it meets every part that is given. */
export interface DiskRule {
  /** Globs of device paths, `/dev/disk/by-id/…` preferred. */
  readonly paths: readonly string[];
  readonly minSize?: Bytes | undefined;
  readonly maxSize?: Bytes | undefined;
  readonly rotational?: boolean | undefined;
}

/** Of a write that needs a new block of a thin pool which has none: `queue`: it waits, for a minute at most; `error`: it fails. LVM's words. */
export const whenFullChoices = ['queue', 'error'] as const;
/** One of `whenFullChoices`. */
export type WhenFull = (typeof whenFullChoices)[number];

/** The configuration of a thin pool. */
export interface ThinSpec {
  /** Percent of the group's size given to the thin pool, 1–100. */
  readonly share: number;
  /** Virtual bytes promised for each byte of the thin pool; 1: no over-provisioning. */
  readonly overprovision: number;
  /** Bytes; absent: sized for the pool. */
  readonly metadataSize?: Bytes | undefined;
  /** Grows data or metadata by `by` percent once `threshold` percent are used; absent: never. */
  readonly autoextend?: { readonly threshold: number; readonly by: number } | undefined;
  /** What becomes of a write that needs a new block while there is none: it waits, or fails; absent: as LVM has it. */
  readonly whenFull?: WhenFull | undefined;
  /** No new or larger volume once data or metadata is this full, in percent. */
  readonly refuseAt: number;
}

/** The configuration of a pool. */
export interface PoolSpec {
  readonly name: PoolName;
  readonly group: VgName;
  /** The type of volumes whose class gives none. */
  readonly type: 'thin' | 'thick';
  /** Absent: the group is adopted as it is and never extended. */
  readonly disks?: DiskRule | undefined;
  readonly approve: 'manual' | 'automatic';
  /** Defaults for thick volumes, and the layout of the thin pool. */
  readonly stripes: number;
  readonly stripeSize: Bytes;
  readonly mirrors: number;
  /** Bytes of the group that volumes may not use. */
  readonly reserve: Bytes;
  /** Present exactly when `type` is thin. */
  readonly thin?: ThinSpec | undefined;
  /** Absent: nothing can be reserved in the pool, and volumes without limits have none. */
  readonly budget?: Budget | undefined;
  /** At the deletion of each of its thick volumes, at least; absent: as the volume's class says. */
  readonly erase?: Erasure | undefined;
  /** A new thick volume is written with zeros before it is handed out; absent: no. */
  readonly zeroOnCreate?: true | undefined;
}

/** The state of a pool, from LVM's report. */
export interface Pool {
  readonly spec: PoolSpec;
  readonly extentSize: Bytes;
  readonly size: Bytes;
  /** Unallocated bytes of the group, before `reserve` is taken off. */
  readonly free: Bytes;
  /** Free bytes of each physical volume that may be allocated from. */
  readonly deviceFree: readonly Bytes[];
  /** The metadata area of the group: a commit needs room for two copies, so half of `size` is usable. */
  readonly metadata: { readonly size: Bytes; readonly free: Bytes };
  readonly thin?: ThinPool | undefined;
  /** Why the node can open no encrypted volume; absent: it can, or it is not known. */
  readonly encryptionProblem?: string | undefined;
  /** Why the node can open no encrypted volume with integrity; absent: it can, or it is not known. */
  readonly integrityProblem?: string | undefined;
}

export interface ThinPool {
  readonly size: Bytes;
  /** Sum of the virtual sizes of everything in the pool, foreign volumes included. */
  readonly promised: Bytes;
  readonly dataPercent: number;
  readonly metadataPercent: number;
  /** Why nothing can be allocated from it now; absent: it works. */
  readonly problem?: string | undefined;
}

/** The layout of a volume whose class gives only a type. */
export function defaultLayout(spec: PoolSpec, type: 'thin' | 'thick'): Layout {
  if (type === 'thin') return { type };
  return { type, stripes: spec.stripes, stripeSize: spec.stripeSize, mirrors: spec.mirrors };
}
