import type { Bytes } from './bytes.ts';
import type { PoolName, VolumeId } from './ids.ts';
import type { Rates } from './qos.ts';

interface NoticeReason {
  /** Whether it is to be listed as needing attention; if not, it is only an event. */
  readonly attention: boolean;
  readonly when: string;
}

/** What a node wants to be known beyond the health of volumes and pools; the reference is made from it. */
export const noticeReasons = {
  LimitNotInForce: {
    attention: true,
    when: 'The I/O limit of a volume is not in force for a pod that uses it. `quarry qos` on the node lists it; the message says what to do',
  },
  JobFails: {
    attention: true,
    when: 'A job has failed three times in a row. It is tried again; the message says why it fails, and `quarry jobs` on the node lists it',
  },
  JobStalled: {
    attention: true,
    when: 'A job runs and has made no progress for 15 minutes. `quarry hung` on the node lists what waits for a disk',
  },
  DisksProposed: {
    attention: false,
    when: 'Disks that a pool may take wait for an administrator: `quarry disks` on the node lists them, `quarry disks approve` takes them',
  },
  DisksRefused: {
    attention: false,
    when: "Disks match a pool's rule and are not blank. Erase them, or change the rule so that it leaves them out",
  },
} as const satisfies Record<string, NoticeReason>;

export type NoticeReasonName = keyof typeof noticeReasons;

/** Something that a node wants to be known, with what to do: about a volume, about a pool, or else about the node. */
export interface Notice {
  readonly reason: NoticeReasonName;
  readonly message: string;
  readonly volume?: VolumeId | undefined;
  readonly pool?: PoolName | undefined;
}

/** A job as its node last reported it. A newer node may have kinds and states that are not known here. */
export interface ReportedJob {
  /** Unique on the node. */
  readonly id: string;
  readonly kind: string;
  readonly pool: PoolName;
  /** Absent: it works on the thin pool, or on a disk. */
  readonly volume: VolumeId | undefined;
  /** `group/name`; of an `evacuation` the path of the disk */
  readonly lv: string;
  readonly size: Bytes;
  readonly state: string;
  /** 0 to 1. */
  readonly done: number;
  /** Bytes of it that were done a second, lately; absent while it does not run or this is not known. */
  readonly rate: Bytes | undefined;
  readonly reason: string | undefined;
  readonly failures: number;
  /** Milliseconds since the epoch, by the node's clock. */
  readonly since: number;
}

/** What a node tells of itself that is not in LVM's state. */
export interface News {
  /** By their ids. */
  readonly jobs: ReadonlyMap<string, ReportedJob>;
  /** By their reason and subject. */
  readonly notices: ReadonlyMap<string, Notice>;
  /** What pods read and write of the busiest volumes, lately. A volume that is absent is idle, or less busy than these. */
  readonly uses: ReadonlyMap<VolumeId, Rates>;
}

/** Of a node that has nothing to tell, or of an earlier version. */
export const noNews: News = { jobs: new Map(), notices: new Map(), uses: new Map() };

/** By reason and subject, so that there is one of each. */
export function keyOfNotice({ reason, volume, pool }: Notice): string {
  return [reason, volume ?? pool ?? ''].join(' ');
}

/** Whether a reason is one of ours; a newer version may have more. */
export function isNoticeReason(text: string): text is NoticeReasonName {
  return Object.hasOwn(noticeReasons, text);
}
