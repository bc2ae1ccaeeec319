import type { PoolName } from '../../domain/ids.ts';
import type { Notice } from '../../domain/news.ts';
import type { CandidateDisk } from '../../pools/reconciler.ts';
import type { Enforcement } from '../../qos/enforcements.ts';
import { reasons } from '../../qos/throttle.ts';
import type { Followed } from './job-progress.ts';

/** Failures in a row: one may be a disk that was away for a moment. */
const manyFailures = 3;
/** Milliseconds that a job runs without progress before it counts as stalled. */
const stalledAfter = 900_000;
/** Milliseconds that a pod may need until it has a cgroup. */
const podStarts = 300_000;
/** Disks that a message names. */
const shown = 4;

export function jobNotices(followed: readonly Followed[], now: number): Notice[] {
  return followed.flatMap(({ job, still }): Notice[] => {
    const { kind, lv, volume, pool, failures, reason = 'unknown' } = job;
    const subject = volume === undefined ? { pool } : { volume };
    if (failures >= manyFailures) {
      const message = `the job "${kind}" of ${lv} has failed ${failures} times in a row, and is tried again: ${reason}`;
      return [{ reason: 'JobFails', message, ...subject }];
    }
    if (still === undefined || now - still < stalledAfter) return [];
    const minutes = Math.floor((now - still) / 60_000);
    const message = `the job "${kind}" of ${lv} has made no progress for ${minutes} minutes: "quarry hung" on the node lists what waits for a disk`;
    return [{ reason: 'JobStalled', message, ...subject }];
  });
}

/** Those of volumes that have a limit. */
export function limitNotices(enforcements: readonly Enforcement[], now: number): Notice[] {
  return enforcements.flatMap(({ volume, wanted, state, reason, since }): Notice[] => {
    if (reason === undefined || Object.keys(wanted).length === 0) return [];
    if (state === 'pending' && now - since < podStarts) return [];
    return [{ reason: 'LimitNotInForce', volume, message: `its I/O limit is not in force: ${reasons[reason]}` }];
  });
}

/** One for each pool, and for those that wait and those that are refused. */
export function diskNotices(disks: readonly CandidateDisk[]): Notice[] {
  const waiting = disks.filter(
    ({ verdict, pool }) => verdict === 'returned' || (verdict === 'proposed' && pool.approve === 'manual'),
  );
  const refused = disks.filter(({ verdict }) => verdict === 'refused');
  return [
    ...byPool(waiting, (found) => {
      const message = `${countOf(found)} for this pool: ${namesOf(found, () => '')}. "quarry disks approve" on the node takes what you name`;
      return { reason: 'DisksProposed', message: `waiting for approval, ${message}` };
    }),
    ...byPool(refused, (found) => {
      const names = namesOf(found, ({ findings = [] }) => ` (${findings.join('; ')})`);
      return {
        reason: 'DisksRefused',
        message: `not taken, ${countOf(found)} that the rule of this pool matches: ${names}. Erase what is meant for the pool, or change the rule`,
      };
    }),
  ];
}

function byPool(
  disks: readonly CandidateDisk[],
  notice: (found: readonly CandidateDisk[]) => Pick<Notice, 'reason' | 'message'>,
): Notice[] {
  const pools = Map.groupBy(disks, ({ pool }) => pool.name);
  return Array.from(pools, ([pool, found]: [PoolName, CandidateDisk[]]) => Object.assign(notice(found), { pool }));
}

function countOf(disks: readonly CandidateDisk[]): string {
  return disks.length === 1 ? '1 disk' : `${disks.length} disks`;
}

function namesOf(disks: readonly CandidateDisk[], remark: (disk: CandidateDisk) => string): string {
  const names = disks.slice(0, shown).map((disk) => disk.path + remark(disk));
  return [...names, ...(disks.length > shown ? [`and ${disks.length - shown} more`] : [])].join(', ');
}
