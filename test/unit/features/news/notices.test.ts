import { expect, test } from 'vitest';
import { GiB } from '../../../../src/domain/bytes.ts';
import type { VolumeId } from '../../../../src/domain/ids.ts';
import type { JobStatus } from '../../../../src/domain/jobs.ts';
import { JobProgress } from '../../../../src/features/news/job-progress.ts';
import { diskNotices, jobNotices, limitNotices } from '../../../../src/features/news/notices.ts';
import type { CandidateDisk } from '../../../../src/pools/reconciler.ts';
import type { Enforcement } from '../../../../src/qos/enforcements.ts';
import { thickSpec } from '../../../support/memory-storage.ts';

const minute = 60_000;
const volume = 'a:pvc-1' as VolumeId;
const target = { pool: 'fast', volume, lv: 'quarry-fast/pvc-1', size: GiB };

function jobOf(changes: Partial<JobStatus> = {}): JobStatus {
  return { kind: 'copy', ...target, state: 'running', done: 0, reason: undefined, failures: 0, since: 0, ...changes };
}

test('the rate of a job is what two looks show, and unknown at the first, after a new start, and while it does not run', () => {
  const progress = new JobProgress();
  const rateAt = (now: number, changes: Partial<JobStatus>) => progress.follow([jobOf(changes)], now)[0]?.job.rate;
  expect(rateAt(0, { done: 0.25 })).toBeUndefined();
  expect(rateAt(8000, { done: 0.5 })).toBe(GiB / 32n);
  expect(rateAt(16_000, { done: 0.5 })).toBe(0n);
  expect(rateAt(24_000, { done: 0.125 })).toBeUndefined();
  expect(rateAt(32_000, { done: 0.125, state: 'waiting' })).toBeUndefined();
  expect(rateAt(40_000, { done: 0.25 })).toBeUndefined();
});

test('jobs that run are told first, at most 256', () => {
  const waiting = Array.from({ length: 300 }, (_, index) => jobOf({ lv: `g/w-${index}`, state: 'waiting' }));
  const told = new JobProgress().follow([...waiting, jobOf({ state: 'failed' }), jobOf({ kind: 'erase' })], 0);
  expect(told).toHaveLength(256);
  expect(told.slice(0, 3).map(({ job }) => job.state)).toEqual(['running', 'failed', 'waiting']);
});

test('a job that stands still for 15 minutes is told once, and no more when it goes on', () => {
  const progress = new JobProgress();
  const noticesAt = (now: number, done: number) => jobNotices(progress.follow([jobOf({ done })], now), now);
  expect(noticesAt(0, 0.5)).toEqual([]);
  expect(noticesAt(14 * minute, 0.5)).toEqual([]);
  expect(noticesAt(16 * minute, 0.5)).toEqual([
    {
      reason: 'JobStalled',
      volume,
      message: expect.stringMatching(/"copy" of quarry-fast\/pvc-1 .* for 16 minutes: /),
    },
  ]);
  expect(noticesAt(17 * minute, 0.6)).toEqual([]);
});

test('a job that has failed three times is told with why, on its pool if it has no volume', () => {
  const failed = { state: 'failed', reason: 'a disk is missing', volume: undefined } as const;
  const noticesOf = (failures: number) => jobNotices(new JobProgress().follow([jobOf({ ...failed, failures })], 0), 0);
  expect(noticesOf(2)).toEqual([]);
  expect(noticesOf(3)).toEqual([
    { reason: 'JobFails', pool: 'fast', message: expect.stringMatching(/failed 3 times .*: a disk is missing$/) },
  ]);
});

test('a limit that is not in force is told with what to do; one that waits for a pod only after five minutes', () => {
  const same = { volume, pod: undefined, target: '/t', device: '8:0', inForce: {}, since: 0, cgroups: [] };
  const enforcementOf = (changes: Partial<Enforcement>): Enforcement => {
    return { ...same, wanted: { readIops: 100n }, state: 'failed', reason: 'cgroup-read-only', ...changes };
  };
  const waits = enforcementOf({ state: 'pending', reason: 'no-pod-cgroup' });
  expect(limitNotices([enforcementOf({})], 0)).toEqual([
    { reason: 'LimitNotInForce', volume, message: expect.stringMatching(/not in force: .* mount it for writing/) },
  ]);
  expect(
    limitNotices([enforcementOf({ wanted: {} }), enforcementOf({ state: 'enforced', reason: undefined })], 0),
  ).toEqual([]);
  expect(limitNotices([waits], 4 * minute)).toEqual([]);
  expect(limitNotices([waits], 6 * minute)).toHaveLength(1);
});

test('disks that wait and disks that are refused are told once for each pool, with their paths and what was found', () => {
  const [manual, own] = [thickSpec('fast', { approve: 'manual' }), thickSpec('bulk', { approve: 'automatic' })];
  const diskOf = (pool: CandidateDisk['pool'], name: string, verdict: CandidateDisk['verdict']): CandidateDisk => {
    return {
      pool,
      device: `/dev/${name}`,
      path: `/dev/${name}`,
      verdict,
      findings: verdict === 'refused' ? ['ext4'] : [],
    };
  };
  const notices = diskNotices([
    ...['a', 'b', 'c', 'd', 'e'].map((name) => diskOf(manual, `sd${name}`, 'proposed')),
    diskOf(own, 'sdf', 'proposed'),
    diskOf(own, 'sdg', 'returned'),
    diskOf(own, 'sdh', 'refused'),
    diskOf(manual, 'sdi', 'member'),
  ]);
  expect(notices).toEqual([
    { reason: 'DisksProposed', pool: 'fast', message: expect.stringContaining('5 disks') },
    { reason: 'DisksProposed', pool: 'bulk', message: expect.stringContaining('/dev/sdg') },
    { reason: 'DisksRefused', pool: 'bulk', message: expect.stringContaining('/dev/sdh (ext4)') },
  ]);
  expect(notices[0]?.message).toContain('/dev/sda, /dev/sdb, /dev/sdc, /dev/sdd, and 1 more');
});
