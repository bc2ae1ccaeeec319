import { expect, test } from 'vitest';
import { GiB } from '../../../src/domain/bytes.ts';
import type { NodeName, PoolName, VolumeId } from '../../../src/domain/ids.ts';
import { keyOfNotice, type News, type Notice, noNews, type ReportedJob } from '../../../src/domain/news.ts';
import type { Inventory } from '../../../src/domain/storage.ts';
import { Reporter } from '../../../src/fleet/client/reporter.ts';
import { NodeInventory } from '../../../src/fleet/server/node-inventory.ts';
import { MemoryStorage } from '../../support/memory-storage.ts';
import { protocol } from './report.ts';

const fast = 'fast' as PoolName;
const volume = 'a:pvc-1' as VolumeId;
const job: ReportedJob = {
  id: 'copy g/pvc-1',
  kind: 'copy',
  pool: fast,
  volume,
  lv: 'g/pvc-1',
  size: GiB,
  state: 'running',
  done: 0.5,
  rate: 1000n,
  reason: undefined,
  failures: 0,
  since: 5000,
};
const onVolume: Notice = { reason: 'LimitNotInForce', volume, pool: undefined, message: 'why' };
const onPool: Notice = { reason: 'DisksRefused', volume: undefined, pool: fast, message: 'y'.repeat(2000) };

function newsOf(jobs: readonly ReportedJob[], notices: readonly Notice[], key = keyOfNotice): News {
  return {
    jobs: new Map(jobs.map((each) => [each.id, each])),
    notices: new Map(notices.map((each) => [key(each), each])),
    uses: new Map(),
  };
}

/** What a controller knows after reports of each of these in turn. */
function afterReports(...states: (News | undefined)[]): Inventory['news'] {
  const storage = new MemoryStorage('a', []);
  const reporter = new Reporter(protocol.records, () => 0);
  const received = new NodeInventory('a' as NodeName, protocol.records);
  for (const news of states) {
    for (const records of reporter.next({ ...storage.inventory(), news })) {
      const message = protocol.fromNode(protocol.writeFromNode({ records }));
      if (message.records) received.apply(message.records, 0);
    }
  }
  return received.inventory?.news;
}

test('a controller knows the jobs and the notices of a node, and only those of the last report', () => {
  const waiting = { ...job, id: 'erase g/old', volume: undefined, state: 'waiting', rate: undefined, reason: 'a lane' };
  const cut = { ...onPool, message: 'y'.repeat(512) };
  expect(afterReports(newsOf([job, waiting], [onVolume, onPool]))).toEqual(newsOf([job, waiting], [onVolume, cut]));
  const later = { ...job, done: 0.75 };
  expect(afterReports(newsOf([job, waiting], [onVolume]), newsOf([later], []))).toEqual(newsOf([later], []));
  expect(afterReports(undefined)).toEqual(noNews);
});

test('a controller keeps a kind of job that only a newer node knows, and skips such a reason', () => {
  const newer = { ...job, kind: 'from-later', state: 'thinking' };
  const told = { ...onPool, reason: 'FromLater' } as unknown as Notice;
  expect(afterReports(newsOf([newer], [told]))).toEqual(newsOf([newer], []));
});

test('a controller knows what pods read and write of a volume, until the node tells it no more', () => {
  const uses = new Map([[volume, { readIops: 120n, writeBandwidth: 12n * GiB }]]);
  expect(afterReports({ ...noNews, uses })).toEqual({ ...noNews, uses });
  const changed = new Map([[volume, { writeIops: 7n }]]);
  expect(afterReports({ ...noNews, uses }, { ...noNews, uses: changed })).toEqual({ ...noNews, uses: changed });
  expect(afterReports({ ...noNews, uses }, noNews)).toEqual(noNews);
  const wrong = { ...noNews, uses: new Map([['nowhere' as VolumeId, { readIops: 1n }]]) };
  expect(() => afterReports(wrong)).toThrow('"nowhere" is no volume');
});

test.each([
  [newsOf([{ ...job, pool: 'Not A Pool' as PoolName }], []), /not a pool name|"Not A Pool"/],
  [newsOf([{ ...job, volume: 'nowhere' as VolumeId }], []), /"nowhere" is no volume/],
  [newsOf([{ ...job, done: 1.5 }], []), /what is done of a job is 1.5/],
  [newsOf([{ ...job, size: 2n ** 64n - 1n }], []), /the size of a job/],
  [newsOf([{ ...job, id: 'x'.repeat(600) }], []), /has 600 characters/],
  [newsOf([], [onVolume], () => 'other'), /has the key "other"/],
  [
    newsOf(
      Array.from({ length: 513 }, (_, index) => ({ ...job, id: `copy ${index}` })),
      [],
    ),
    /more jobs, notices or uses/,
  ],
])('a controller refuses news that no node sends: %#', (news, why) => {
  expect(() => afterReports(news)).toThrow(why);
});
