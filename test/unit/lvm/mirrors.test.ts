import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { JobRunner } from '../../../src/block/job-runner.ts';
import { endingRunner } from '../block/ending-runner.ts';
import { MiB } from '../../../src/domain/bytes.ts';
import { noQos } from '../../../src/domain/qos.ts';
import type { LvName, NodeName } from '../../../src/domain/ids.ts';
import { MirrorRepair } from '../../../src/lvm/mirrors/mirror-repair.ts';
import { creationTags } from '../../../src/lvm/volume-records.ts';
import { FakeLvm, spec } from './fake-lvm.ts';
import { fakeStorage, idOf, lostCopies } from './fake-storage.ts';

const { signal } = new AbortController();
const layout = { type: 'thick', stripes: 1, stripeSize: 65_536n, mirrors: 1 } as const;
const idle = { raid_sync_action: 'idle', sync_percent: '100.00', raid_max_recovery_rate: '' };
const errors: object[] = [];
let time = 0;
const none = () => undefined;
const log = { debug: none, info: none, warn: none, error: (fields: object) => void errors.push(fields) };

let lvm: FakeLvm;

/** Starts a driver in a boot of the machine, and reads the inventory. */
async function start(boot: string) {
  const parts = fakeStorage({ lvm, boot });
  await parts.cache.refresh();
  const { marks } = parts.storage;
  const { lost } = lostCopies(parts);
  const repairs = new MirrorRepair({ ...parts, marks, lost, log, rate: 8n * MiB, interval: 1 });
  const bounds = { total: 3, creation: 1, copy: 1, erase: 4, repair: 1, evacuation: 1 };
  const jobs = endingRunner({ sources: [repairs], bounds, log, now: () => time });
  lvm.commands.length = 0;
  return { ...parts, marks, lost, jobs };
}

function addVolume(lv: string, mirrored: boolean): void {
  const common = {
    node: 'node-1' as NodeName,
    pool: spec.name,
    group: spec.group,
    filesystem: 'none',
    mkfsOptions: [],
  } as const;
  const shape = { lv: lv as LvName, size: 512n * MiB, layout: { ...layout, mirrors: mirrored ? 1 : 0 }, qos: noQos };
  const tags = creationTags({ id: idOf(lv), name: lv, state: 'ready', ...common, ...shape });
  lvm.volumes.set(lv, { size: shape.size, tags: new Set(tags) });
  if (mirrored) lvm.mirrors.set(lv, { ...idle });
}

const bootsOf = (lv: string) => [...(lvm.volumes.get(lv)?.tags ?? [])].filter((tag) => tag.startsWith('quarry.boot='));
const setMirror = (lv: string, action: string, percent: string) =>
  Object.assign(lvm.mirrors.get(lv) ?? {}, { raid_sync_action: action, sync_percent: percent });
/** Lets the kernel repair the volume, to its end. */
async function repair(jobs: JobRunner): Promise<void> {
  setMirror('a', 'repair', '99.00');
  jobs.look();
  await vi.waitFor(() => expect(jobs.list()).toMatchObject([{ done: 0.99 }]));
  setMirror('a', 'idle', '100.00');
  await vi.waitFor(() => expect(jobs.list()).toEqual([]));
}
const repairs = () => lvm.commands.filter((argv) => argv.includes('--syncaction'));

beforeEach(() => {
  lvm = new FakeLvm();
  addVolume('a', true);
  addVolume('plain', false);
  errors.length = 0;
});

afterEach(() => void vi.useRealTimers());

describe('the boot mark of a mirrored volume', () => {
  test('is set once, before the volume is handed out', async () => {
    const { storage } = await start('boot-1');
    await storage.activate(idOf('a'), signal);
    await storage.activate(idOf('a'), signal);
    await storage.activate(idOf('plain'), signal);
    expect(lvm.commands).toEqual([['lvchange', '--addtag', 'quarry.boot=boot-1', 'vg/a']]);
  });

  test('fails the stage if it cannot be set', async () => {
    const { storage } = await start('boot-1');
    lvm.change = async () => ({ ok: false, messages: ['no space left'] });
    await expect(storage.activate(idOf('a'), signal)).rejects.toMatchObject({ kind: 'exhausted' });
  });

  test('is removed when the volume is closed and its writes are on the disks', async () => {
    const { storage, marks, cache, uses, flushed } = await start('boot-1');
    await storage.activate(idOf('a'), signal);
    await cache.refresh();
    uses.push('/staged');
    await marks.settle();
    expect(bootsOf('a')).toEqual(['quarry.boot=boot-1']);
    uses.length = 0;
    await storage.locks.hold(idOf('a'), 'NodeStageVolume', () => marks.settle());
    expect(bootsOf('a')).toEqual(['quarry.boot=boot-1']);
    await marks.settle();
    expect(bootsOf('a')).toEqual([]);
    expect(flushed.filter((device) => device !== '/dev/sda')).toEqual(['/dev/mapper/vg-a']);
    await storage.activate(idOf('a'), signal);
    expect(bootsOf('a')).toEqual(['quarry.boot=boot-1']);
  });

  test('is kept if something has opened the volume since the report', async () => {
    const { storage, marks, cache } = await start('boot-1');
    await storage.activate(idOf('a'), signal);
    await cache.refresh();
    Object.assign(lvm.volumes.get('a') ?? {}, { row: { lv_attr: 'rwi-aor---' } });
    await marks.settle();
    expect(bootsOf('a')).toEqual(['quarry.boot=boot-1']);
  });

  test('is gone from the inventory with the mark, even if the next report fails', async () => {
    const { storage, marks, cache } = await start('boot-1');
    await storage.activate(idOf('a'), signal);
    await cache.refresh();
    lvm.beforeAnswer = async ([command]) => {
      if (bootsOf('a').length === 0 && command === 'fullreport') throw new Error('LVM does not answer');
    };
    await expect(marks.settle()).rejects.toThrow('does not answer');
    expect(cache.current().volumes.get(idOf('a'))?.boots).toBeUndefined();
  });

  test('is kept, and causes no repair, after a crash of the process in the same boot', async () => {
    const { storage } = await start('boot-1');
    await storage.activate(idOf('a'), signal);
    const second = await start('boot-1');
    expect(second.jobs.list()).toEqual([]);
    second.jobs.look();
    await second.jobs.stop(60_000);
    expect(lvm.commands).toEqual([]);
  });

  test('of an earlier boot is removed from a volume that nobody uses, and that of this boot is not set', async () => {
    const { marks, jobs } = await start('boot-2');
    lvm.volumes.get('a')?.tags.add('quarry.boot=boot-1');
    setMirror('a', 'idle', '100.00');
    await jobs.stop(60_000);
    await marks.close();
    expect(bootsOf('a')).not.toContain('quarry.boot=boot-2');
  });

  test('is removed by a clean stop', async () => {
    const { storage, marks } = await start('boot-1');
    await storage.activate(idOf('a'), signal);
    await marks.close();
    expect((await start('boot-2')).jobs.list()).toEqual([]);
  });
});

describe('copies after an unclean stop', () => {
  beforeEach(async () => {
    const { storage } = await start('boot-1');
    await storage.activate(idOf('a'), signal);
  });

  test('are repaired at the configured rate, and reported until they are equal', async () => {
    const { jobs } = await start('boot-2');
    expect(jobs.list()).toMatchObject([{ pool: spec.name, volume: idOf('a'), lv: 'vg/a', state: 'waiting', done: 0 }]);
    jobs.look();
    await vi.waitFor(() => expect(repairs()).toHaveLength(1));
    setMirror('a', 'repair', '25.00');
    await vi.waitFor(() => expect(jobs.list()).toMatchObject([{ state: 'running', done: 0.25 }]));
    setMirror('a', 'repair', '99.00');
    await vi.waitFor(() => expect(jobs.list()).toMatchObject([{ done: 0.99 }]));
    setMirror('a', 'idle', '100.00');
    await vi.waitFor(() => expect(jobs.list()).toEqual([]));
    expect(lvm.commands[0]).toEqual(['lvchange', '--maxrecoveryrate', '8192k', 'vg/a']);
    expect(bootsOf('a')).toEqual([]);
  });

  test('are repaired without another limit if they have it', async () => {
    const { jobs } = await start('boot-2');
    Object.assign(lvm.mirrors.get('a') ?? {}, { raid_max_recovery_rate: '8192' });
    jobs.look();
    await vi.waitFor(() => expect(repairs()).toHaveLength(1));
    expect(lvm.commands).toHaveLength(1);
    await repair(jobs);
  });

  test('keep the old mark during the repair, and get that of this boot at the end', async () => {
    const { storage, jobs, uses } = await start('boot-2');
    await storage.activate(idOf('a'), signal);
    uses.push('/staged');
    expect(bootsOf('a')).toEqual(['quarry.boot=boot-1']);
    await repair(jobs);
    expect(bootsOf('a')).toEqual(['quarry.boot=boot-2']);
  });

  test('keep the mark of this boot alone if they were opened before the repair ended', async () => {
    lvm.volumes.get('a')?.tags.add('quarry.boot=boot-2');
    const { jobs, uses } = await start('boot-2');
    uses.push('/staged');
    await repair(jobs);
    expect(bootsOf('a')).toEqual(['quarry.boot=boot-2']);
  });

  test.each([10, 65])('are repaired from the start if someone stopped the repair at %d percent', async (done) => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { jobs } = await start('boot-2');
    jobs.look();
    await vi.waitFor(() => expect(repairs()).toHaveLength(1));
    setMirror('a', 'repair', String(done));
    await vi.waitFor(() => expect(jobs.list()).toMatchObject([{ done: done / 100 }]));
    setMirror('a', 'idle', '100.00');
    await vi.waitFor(() => expect(repairs()).toHaveLength(2));
    expect(bootsOf('a')).toEqual(['quarry.boot=boot-1']);
    await jobs.stop(60_000);
  });

  test('are repaired after LVM has synchronised them for the first time', async () => {
    const { jobs } = await start('boot-2');
    setMirror('a', 'resync', '40.00');
    jobs.look();
    const resyncs = { state: 'waiting', reason: expect.stringContaining('resync') };
    await vi.waitFor(() => expect(jobs.list()).toMatchObject([resyncs]));
    expect(repairs()).toEqual([]);
  });

  test('are compared after a copy that was lost during the repair is complete again', async () => {
    const { jobs, lost } = await start('boot-2');
    jobs.look();
    await vi.waitFor(() => expect(repairs()).toHaveLength(1));
    // The kernel gives up the copy, and with it the repair.
    const volume = lvm.volumes.get('a') ?? expect.fail();
    volume.row = { lv_health_status: 'refresh needed' };
    setMirror('a', 'idle', '100.00');
    const waits = { state: 'waiting', reason: 'vg/a lacks a copy: its copies will be compared when it is complete' };
    await vi.waitFor(() => expect(jobs.list()).toMatchObject([waits]));
    expect(repairs()).toHaveLength(1);
    time += 60_000;
    await lost.look();
    jobs.look();
    await vi.waitFor(() => expect(lvm.commands.at(-1)).toEqual(['lvchange', '--refresh', 'vg/a']));
    setMirror('a', 'idle', '100.00');
    await vi.waitFor(() => expect(repairs()).toHaveLength(2));
    setMirror('a', 'repair', '99.00');
    await vi.waitFor(() => expect(jobs.list()).toMatchObject([{ done: 0.99 }]));
    setMirror('a', 'idle', '100.00');
    await vi.waitFor(() => expect(jobs.list()).toEqual([]));
    expect([bootsOf('a'), errors]).toEqual([[], []]);
  });

  test('stay reported if LVM refuses the repair', async () => {
    const { jobs } = await start('boot-2');
    lvm.change = async () => ({ ok: false, messages: ['a failure on purpose'] });
    const failed = { kind: 'repair', lv: 'vg/a', state: 'failed', reason: expect.stringContaining('on purpose') };
    jobs.look();
    await vi.waitFor(() => expect(jobs.list()).toMatchObject([failed]));
    expect(errors).toMatchObject([{ job: 'repair', lv: 'vg/a', reason: expect.stringContaining('on purpose') }]);
    expect(bootsOf('a')).toEqual(['quarry.boot=boot-1']);
  });

  test('are no job any longer when their volume vanishes during the repair', async () => {
    const { jobs, cache } = await start('boot-2');
    jobs.look();
    await vi.waitFor(() => expect(repairs()).toHaveLength(1));
    lvm.volumes.delete('a');
    await vi.waitFor(() => expect(jobs.list()).toMatchObject([{ state: 'waiting', failures: 0 }]));
    await cache.refresh();
    jobs.look();
    expect(jobs.list()).toEqual([]);
    expect(errors).toEqual([]);
  });

  test('are still reported by a process that starts during the repair', async () => {
    const { jobs } = await start('boot-2');
    jobs.look();
    await vi.waitFor(() => expect(repairs()).toHaveLength(1));
    await jobs.stop(60_000);
    const second = await start('boot-2');
    expect(second.jobs.list()).toMatchObject([{ state: 'waiting' }]);
    setMirror('a', 'repair', '40.00');
    second.jobs.look();
    await vi.waitFor(() => expect(second.jobs.list()).toMatchObject([{ state: 'running', done: 0.4 }]));
    expect(repairs()).toEqual([]);
    await second.jobs.stop(60_000);
  });
});
