import { beforeEach, expect, test, vi } from 'vitest';
import type { JobRunner } from '../../../src/block/job-runner.ts';
import { Failure } from '../../../src/domain/errors.ts';
import { launchEvacuation } from './evacuating.ts';
import { FakeDisks } from './fake-disks.ts';

const { signal } = new AbortController();
let lvm: FakeDisks;
beforeEach(() => {
  const on = (lv: string, start: number, extents: number) => ({ device: '/dev/sda', lv, start, extents });
  lvm = new FakeDisks({ '/dev/sda': 20, '/dev/sdb': 20 }, [on('a', 0, 5), on('b', 5, 3)]);
});

const events = () => lvm.lvm.commands.map((words) => words.join(' '));
/** The driver looks for jobs after each report; one that has ended rests for a second. */
const ended = (jobs: JobRunner) =>
  vi.waitFor(
    () => {
      jobs.look();
      expect(jobs.list()).toEqual([]);
    },
    { timeout: 20_000 },
  );

test('a disk that is to be erased is taken by a logical volume, and leaves its group when that is erased and gone', async () => {
  const { jobs, leaving } = await launchEvacuation(lvm);
  await leaving.begin('/dev/sda', { removed: true, dryRun: false, erase: 'zero' }, signal);
  await ended(jobs);
  const from = events().findIndex((event) => event.includes('lvcreate'));
  const named = 'q-zero-sda';
  expect(events().slice(from - 1)).toEqual([
    'pvchange -x y /dev/sda',
    `lvcreate -y -n ${named} --addtag quarry.v=1 --addtag quarry.role=erase --addtag quarry.disk=sda -a n -W n -Z n -L 83886080b vg /dev/sda`,
    'pvchange --deltag quarry.leaving=33554432/removed/erase:zero -x n --addtag quarry.leaving=33554432/removed/erasing:zero /dev/sda',
    'erase /dev/mapper/vg-q--zero--sda 0+67108864',
    `lvchange --addtag quarry.erased=67108864 vg/${named}`,
    'erase /dev/mapper/vg-q--zero--sda 67108864+16777216',
    `lvchange -a n -y vg/${named}`,
    `lvremove -y vg/${named}`,
    'vgreduce vg /dev/sda',
  ]);
});

test.each(Array.from({ length: 9 }, (_, index) => index))(
  'a disk is erased before it leaves its group, also if the driver ends after change %i',
  async (survived) => {
    lvm.ranges = [];
    let left = survived;
    const change = lvm.change.bind(lvm);
    lvm.change = async (argv) => {
      if (left-- <= 0) throw new Failure('cancelled', 'the driver is gone');
      return change(argv);
    };
    const first = await launchEvacuation(lvm);
    const departure = { removed: true, dryRun: false, erase: 'zero' } as const;
    const begun = await first.leaving.begin('/dev/sda', departure, signal).then(
      () => true,
      () => false,
    );
    expect(begun).toBe(survived > 0);
    first.jobs.look();
    await vi.waitFor(() => expect(first.jobs.list().every(({ state }) => state !== 'running')).toBe(true));
    await first.jobs.stop(60_000);
    left = Number.POSITIVE_INFINITY;
    const next = await launchEvacuation(lvm);
    if (!begun) await next.leaving.begin('/dev/sda', departure, signal);
    await ended(next.jobs);
    const [erased, reduced] = ['erase ', 'vgreduce '].map((start) =>
      events().findIndex((event) => event.startsWith(start)),
    );
    expect(erased).toBeGreaterThanOrEqual(0);
    expect(reduced).toBeGreaterThan(erased ?? 0);
    expect(events().filter((event) => event.startsWith('pvmove'))).toEqual([]);
    expect(events().filter((event) => event.startsWith('pvchange -x y'))).toHaveLength(1);
    expect(lvm.ranges).toEqual([]);
  },
);
