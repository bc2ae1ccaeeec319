import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import { launchEvacuation } from './evacuating.ts';
import { FakeDisks } from './fake-disks.ts';

const { signal } = new AbortController();
const on = (device: string, lv: string, start: number, extents: number) => ({ device, lv, start, extents });

let lvm: FakeDisks;
let reserve = 0n;
beforeEach(() => {
  reserve = 0n;
  lvm = new FakeDisks({ '/dev/sda': 20, '/dev/sdb': 20 }, [on('/dev/sda', 'a', 0, 5), on('/dev/sda', 'b', 5, 3)]);
});

afterEach(() => void vi.useRealTimers());

/** A process over the LVM. */
const launch = (stalledAfter?: number) => launchEvacuation(lvm, { reserve, stalledAfter });

/** Commands and flushes, in their order. */
const events = () => lvm.lvm.commands.map((words) => words.join(' '));
const begin = { removed: false, dryRun: false };
describe('the evacuation of a disk', () => {
  test('moves all that is on it, flushes the disks before a move ends, and then takes it out of its group', async () => {
    const { jobs, leaving } = await launch();
    expect(await leaving.begin('/dev/sda', { removed: true, dryRun: false }, signal)).toMatchObject([
      { lv: 'vg/a', size: 20n * MiB, to: '/dev/sdb' },
      { lv: 'vg/b', size: 12n * MiB, to: '/dev/sdb' },
    ]);
    jobs.look();
    await vi.waitFor(() => expect(jobs.list()).toEqual([]));
    const flushed = ['flush /dev/sdb', 'flush /dev/sda'];
    expect(events()).toEqual([
      expect.stringMatching(/^pvchange -x n --addtag \S+leaving\S+33554432\/removed \/dev\/sda$/),
      'pvmove -i +3600 /dev/sda:0-4 /dev/sdb',
      ...flushed,
      'pvmove -i 1 /dev/sda',
      'pvmove -i +3600 /dev/sda:5-7 /dev/sdb',
      ...flushed,
      'pvmove -i 1 /dev/sda',
      'vgreduce vg /dev/sda',
    ]);
    expect(lvm.ranges.map(({ device }) => device)).toEqual(['/dev/sdb', '/dev/sdb']);
  });

  test('is continued by the next process, which ends the move that was cut off first', async () => {
    lvm.copied = 0.5;
    const first = await launch();
    await first.leaving.begin('/dev/sda', begin, signal);
    first.jobs.look();
    await vi.waitFor(() => expect(lvm.moving).toBeDefined());
    expect(await first.jobs.stop(60_000)).toBe(true);
    expect(events().filter((event) => event.startsWith('pvmove -i 1'))).toEqual([]);
    lvm.copied = 1;
    lvm.lvm.commands.length = 0;
    const next = await launch();
    next.jobs.look();
    // It rests for a second after a move of unknown size.
    await vi.waitFor(() => expect(next.jobs.list()).toEqual([]), { timeout: 20_000 });
    expect(events().filter((event) => /^(?:pvmove|end) /.test(event))).toEqual([
      'end /dev/sda',
      'pvmove -i +3600 /dev/sda',
      'pvmove -i 1 /dev/sda',
      'pvmove -i +3600 /dev/sda:5-7 /dev/sdb',
      'pvmove -i 1 /dev/sda',
    ]);
    expect(lvm.ranges.filter(({ device }) => device === '/dev/sda')).toEqual([]);
  });

  test('fails if nothing is copied for long, and leaves the move as it is', async () => {
    lvm.copied = 0.5;
    const { jobs, leaving } = await launch(5);
    await leaving.begin('/dev/sda', begin, signal);
    jobs.look();
    const failed = { state: 'failed', reason: expect.stringContaining('nothing was copied from /dev/sda') };
    await vi.waitFor(() => expect(jobs.list()).toMatchObject([failed]));
    expect(lvm.moving).toBeDefined();
    await jobs.stop(60_000);
  });

  test('fails if LVM does not make the devices of the move active', async () => {
    lvm.copied = undefined;
    const { jobs, leaving } = await launch(5);
    await leaving.begin('/dev/sda', begin, signal);
    jobs.look();
    const failed = { state: 'failed', reason: expect.stringContaining('nothing was copied from /dev/sda') };
    await vi.waitFor(() => expect(jobs.list()).toMatchObject([failed]));
    await jobs.stop(60_000);
  });

  test('goes on for as long as something is copied', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    lvm.copied = 0;
    const report = lvm.report.bind(lvm);
    lvm.report = (argv) => {
      if (lvm.moving) lvm.copied = Math.min(1, (lvm.copied ?? 0) + 0.25);
      if (lvm.moving) vi.advanceTimersByTime(40_000);
      return report(argv);
    };
    const { jobs, leaving } = await launch(60_000);
    await leaving.begin('/dev/sda', begin, signal);
    jobs.look();
    await vi.waitFor(() => expect(jobs.list()).toEqual([]));
    expect(lvm.ranges.map(({ device }) => device)).toEqual(['/dev/sdb', '/dev/sdb']);
  });

  test('waits while another disk of the group is missing', async () => {
    const { jobs, leaving, cache } = await launch();
    await leaving.begin('/dev/sda', begin, signal);
    const before = events();
    lvm.lvm.disks.push({ pv_name: '[unknown]', pv_uuid: 'lost', pv_allocatable: '', pv_missing: 'missing' });
    await cache.refresh();
    jobs.look();
    expect(jobs.list()).toMatchObject([{ state: 'waiting', reason: expect.stringContaining('another disk of vg') }]);
    expect(events()).toEqual(before);
  });

  test('that is ended gives up a move that was cut off, and lets LVM use the disk again', async () => {
    lvm.copied = 0.5;
    const { jobs, leaving } = await launch();
    await leaving.begin('/dev/sda', begin, signal);
    jobs.look();
    await vi.waitFor(() => expect(lvm.moving).toBeDefined());
    await jobs.stop(60_000);
    const next = await launch();
    await next.leaving.keep('/dev/sda', signal);
    expect(events().slice(-2)).toEqual(['pvmove --abort /dev/sda', expect.stringMatching(/^pvchange -x y --deltag /)]);
    expect(next.jobs.list()).toEqual([]);
    expect(next.cache.report().devices.every(({ allocatable }) => allocatable)).toBe(true);
  });

  test('has the copy of a mirror made elsewhere, once its copies are complete', async () => {
    lvm = new FakeDisks({ '/dev/sda': 20, '/dev/sdb': 20, '/dev/sdc': 20 }, [
      on('/dev/sda', 'm_rmeta_0', 0, 1),
      on('/dev/sda', 'm_rimage_0', 1, 4),
      on('/dev/sdb', 'm_rmeta_1', 0, 1),
      on('/dev/sdb', 'm_rimage_1', 1, 4),
    ]);
    lvm.lvm.volumes.set('m', { size: 16n * MiB, tags: new Set() });
    const mirror = { raid_sync_action: 'recover', sync_percent: '50.00', raid_max_recovery_rate: '' };
    lvm.lvm.mirrors.set('m', mirror);
    const { jobs, leaving } = await launch();
    await leaving.begin('/dev/sda', begin, signal);
    jobs.look();
    const waits = { state: 'waiting', reason: expect.stringContaining('not complete yet'), failures: 0 };
    await vi.waitFor(() => expect(jobs.list()).toMatchObject([waits]));
    mirror.raid_sync_action = 'idle';
    const next = await launch();
    next.jobs.look();
    await vi.waitFor(() => expect(next.jobs.list()).toEqual([]));
    expect(events().at(-1)).toBe('lvconvert -y --replace /dev/sda vg/m /dev/sdc');
    await jobs.stop(60_000);
  });
});

describe('the replacement of a disk', () => {
  const replacement = { device: '/dev/sdc', size: 1024n * MiB };
  const replace = { ...begin, removed: true, replacement };

  test('waits for the new disk, which then takes what others have room for, too', async () => {
    const first = await launch();
    expect(await first.leaving.begin('/dev/sda', { ...replace, dryRun: true }, signal)).toMatchObject([
      { lv: 'vg/a', to: '/dev/sdc' },
      { lv: 'vg/b', to: '/dev/sdc' },
    ]);
    expect(events()).toEqual([]);
    await first.leaving.begin('/dev/sda', replace, signal);
    first.jobs.look();
    expect(first.jobs.list()).toMatchObject([
      { state: 'waiting', reason: expect.stringContaining('quarry disks replace /dev/sda NEW') },
    ]);
    lvm.add('/dev/sdc', 20);
    await first.cache.refresh();
    await first.leaving.begin('/dev/sda', replace, signal);
    const next = await launch();
    next.jobs.look();
    await vi.waitFor(() => expect(next.jobs.list()).toEqual([]));
    expect(lvm.ranges.map(({ device }) => device)).toEqual(['/dev/sdc', '/dev/sdc']);
    expect(events().at(-1)).toBe('vgreduce vg /dev/sda');
  });

  test('is refused if the new disk and the others are too small', async () => {
    lvm = new FakeDisks({ '/dev/sda': 20, '/dev/sdb': 4 }, [on('/dev/sda', 'a', 0, 5), on('/dev/sda', 'b', 5, 5)]);
    const { leaving } = await launch();
    const small = { ...replace, replacement: { device: '/dev/sdc', size: 48n * MiB } };
    await expect(leaving.begin('/dev/sda', small, signal)).rejects.toThrow('no room for all that is on /dev/sda');
    expect(events()).toEqual([]);
  });
});

describe('a disk is not taken away', () => {
  const refusal = (task: Promise<unknown>) =>
    task.then(
      () => undefined,
      (error: Error) => error.message,
    );

  test('if the others have no room for what is on it: all of that is named', async () => {
    lvm = new FakeDisks({ '/dev/sda': 20, '/dev/sdb': 4 }, [on('/dev/sda', 'a', 0, 5), on('/dev/sda', 'b', 5, 3)]);
    const { leaving } = await launch();
    const message = await refusal(leaving.begin('/dev/sda', begin, signal));
    expect(message).toMatch(/no room for all that is on \/dev\/sda: .*vg\/a \(4 MiB\).*vg\/b \(12 MiB\).*Add a disk/);
    expect(events()).toEqual([]);
  });

  test('if less than the reserve would be left', async () => {
    reserve = 60n * MiB;
    const { leaving } = await launch();
    expect(await refusal(leaving.begin('/dev/sda', begin, signal))).toMatch(/keeps 60 MiB free.*48 MiB would be left/);
    expect(events()).toEqual([]);
  });

  test('if the others have room for it, but not for what is on another disk that leaves, too', async () => {
    lvm = new FakeDisks({ '/dev/sda': 20, '/dev/sdb': 8, '/dev/sdc': 20 }, [
      on('/dev/sda', 'a', 0, 5),
      on('/dev/sdc', 'c', 0, 5),
    ]);
    const { leaving } = await launch();
    await leaving.begin('/dev/sda', begin, signal);
    const before = events();
    const message = await refusal(leaving.begin('/dev/sdc', begin, signal));
    expect(message).toMatch(/no room for all that is on \/dev\/sdc: vg\/c \(8 MiB\)\. 12 MiB are free/);
    expect(events()).toEqual(before);
  });

  test('in a dry run', async () => {
    const { leaving } = await launch();
    expect(await leaving.begin('/dev/sda', { removed: true, dryRun: true }, signal)).toHaveLength(2);
    expect(events()).toEqual([]);
  });
});
