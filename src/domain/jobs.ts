import type { Bytes } from './bytes.ts';
import type { VolumeId } from './ids.ts';

/**
 * - `creation` finishes or undoes an interrupted creation
 * - `copy`     fills a volume with the content of its source, or with zeros
 * - `erase`    erases and removes what is left of deleted volumes
 * - `repair`   makes the copies of a mirror complete after the loss of a disk, and equal after an unclean stop
 * - `evacuation` moves everything from a disk to the other disks of its group
 */
export type JobKind = 'creation' | 'copy' | 'erase' | 'repair' | 'evacuation';

/** Jobs that run at once on a node: of each kind, and in all. `total` is not less than the number of kinds. */
export type JobBounds = Readonly<Record<JobKind | 'total', number>>;

/** The target of a job. */
export interface JobTarget {
  readonly pool: string;
  /** Absent: the job works on the pool's thin pool, and so on all its thin volumes, or on a disk. */
  readonly volume: VolumeId | undefined;
  /** `group/name`; of an `evacuation` the path of the disk */
  readonly lv: string;
  readonly size: Bytes;
}

/** The arguments of a running job. */
export interface JobControl {
  /** Fires when the driver stops. */
  readonly signal: AbortSignal;
  /** Reports how much is done, 0 to 1. */
  readonly progress: (done: number) => void;
}

/** Work that outlives a call. It can be interrupted at any point and begun again. */
export interface Job extends JobTarget {
  /** Unique among the jobs of its kind. */
  readonly key: string;
  /** Jobs of a kind with the same lane run one after the other. */
  readonly lane: string;
  /** Since when there is this work, if LVM's state says so: milliseconds since the epoch. */
  readonly since?: number | undefined;
  /** Why it cannot begin now, according to LVM's state; absent: it can. */
  readonly waits?: string | undefined;
  /** Throws `busy` if it has to wait, and `not-found` if nothing is left to do. */
  readonly run: (control: JobControl) => Promise<void>;
}

/** The jobs of a kind. They are found in LVM's state, so that no crash loses one. */
export interface JobSource {
  readonly kind: JobKind;
  /** From the last report of LVM. */
  readonly find: () => readonly Job[];
}

/** A job as `quarry jobs` and the metrics show it. */
export interface JobStatus extends JobTarget {
  readonly kind: JobKind;
  readonly state: 'waiting' | 'running' | 'failed';
  /** 0 to 1. */
  readonly done: number;
  /** Why it waits or has failed. */
  readonly reason: string | undefined;
  /** How often it has failed in a row, as far as this process knows. */
  readonly failures: number;
  /** Since when there is this work, or else when this process first saw it: milliseconds since the epoch. */
  readonly since: number;
}
