import { beforeEach, describe, expect, test, vi } from 'vitest';
import { endingRunner } from '../block/ending-runner.ts';
import { MiB } from '../../../src/domain/bytes.ts';
import { noQos } from '../../../src/domain/qos.ts';
import type { LvName, NodeName } from '../../../src/domain/ids.ts';
import { MirrorRepair } from '../../../src/lvm/mirrors/mirror-repair.ts';
import { creationTags } from '../../../src/lvm/volume-records.ts';
import { FakeLvm, spec } from './fake-lvm.ts';
import { fakeStorage, idOf, lostCopies } from './fake-storage.ts';

const { signal } = new AbortController();
const none = () => undefined;
const log = { debug: none, info: none, warn: none, error: none };
const size = 512n * MiB;
const extents = { pv_size: String(2n * size), pv_free: String(size) };
/** The disk that had the second copy of `a`; LVM has recorded that it was missing. */
const lostDisk = { pv_name: '[unknown]', pv_uuid: 'lost', pv_allocatable: '', pv_missing: 'missing', ...extents };
const freeDisk = { pv_name: '/dev/sdc', pv_uuid: 'free', pv_size: String(2n * size), pv_free: String(2n * size) };
const image = (index: number, device: string) => ({
  lv_name: `[a_rimage_${index}]`,
  lv_parent: 'a',
  lv_size: String(size),
  lv_layout: 'linear',
  lv_role: 'private,raid,image',
  devices: `${device}(0)`,
});

let lvm: FakeLvm;
let clock = 0;

function addVolume(lv: string, mirrors: number): void {
  const volume = {
    lv: lv as LvName,
    size,
    layout: { type: 'thick', stripes: 1, stripeSize: 65_536n, mirrors },
  } as const;
  const rest = { node: 'node-1' as NodeName, pool: spec.name, group: spec.group, mkfsOptions: [], qos: noQos } as const;
  const tags = creationTags({ id: idOf(lv), name: lv, state: 'ready', filesystem: 'none', ...rest, ...volume });
  lvm.volumes.set(lv, { size, tags: new Set(tags), row: { lv_health_status: 'partial' } });
  if (mirrors > 0)
    lvm.mirrors.set(lv, { raid_sync_action: 'idle', sync_percent: '100.00', raid_max_recovery_rate: '' });
}

async function start(patience = 0) {
  const parts = fakeStorage({ lvm });
  await parts.cache.refresh();
  const { lost, missing } = lostCopies(parts, patience, () => clock);
  const { marks } = parts.storage;
  const repairs = new MirrorRepair({ ...parts, marks, lost, log, rate: 8n * MiB, interval: 1 });
  const bounds = { total: 3, creation: 1, copy: 1, erase: 4, repair: 1, evacuation: 1 };
  const jobs = endingRunner({ sources: [repairs], bounds, log, now: () => clock });
  const look = async (): Promise<void> => {
    await parts.cache.refresh();
    await missing.settle(spec.group);
    await lost.look();
    jobs.look();
  };
  return { ...parts, lost, jobs, look };
}

const commands = () => lvm.commands.map((argv) => argv.join(' '));
const setMirror = (raid_sync_action: string, sync_percent: string) =>
  Object.assign(lvm.mirrors.get('a') ?? {}, { raid_sync_action, sync_percent });

beforeEach(() => {
  lvm = new FakeLvm();
  clock = 0;
  addVolume('a', 1);
  lvm.parts = [image(0, '/dev/sda'), image(1, '[unknown]')];
  lvm.disks = [{ ...lostDisk }];
  // The disk with the other copy has room, too.
  lvm.disk['pv_free'] = String(2n * size);
});

describe('a mirror that lost a copy with its disk', () => {
  test('waits for a disk with room, gets its copy there at the configured rate, and then the missing disk leaves the group', async () => {
    const { jobs, look } = await start();
    await look();
    const waits = { state: 'waiting', lv: 'vg/a', volume: idOf('a'), reason: expect.stringContaining('add a disk') };
    expect(jobs.list()).toMatchObject([waits]);
    expect(commands()).toEqual([]);
    lvm.disks.push({ ...freeDisk, pv_free: String(size - MiB) });
    await look();
    expect(jobs.list()).toMatchObject([waits]);
    lvm.disks[1] = { ...freeDisk };
    await look();
    await vi.waitFor(() => expect(jobs.list()).toMatchObject([{ state: 'running' }]));
    await vi.waitFor(() =>
      expect(commands()).toEqual(['lvchange --maxrecoveryrate 8192k vg/a', 'lvconvert -y --repair vg/a']),
    );
    lvm.parts = [image(0, '/dev/sda'), image(1, '/dev/sdc')];
    lvm.disks[0] = { ...lostDisk, pv_free: lostDisk.pv_size };
    setMirror('recover', '25.00');
    await vi.waitFor(() => expect(jobs.list()).toMatchObject([{ state: 'running', done: 0.25 }]));
    setMirror('idle', '100.00');
    await vi.waitFor(() => expect(jobs.list()).toEqual([]));
    await look();
    expect(commands().slice(2)).toEqual(['vgreduce --removemissing vg']);
    expect(lvm.disks).toMatchObject([{ pv_uuid: 'free' }]);
  });

  test('waits for a disk with room, too, if the room is gone when its turn comes', async () => {
    const { jobs, lost, cache } = await start();
    const roomy = { ...freeDisk };
    lvm.disks.push(roomy);
    const fill = async (): Promise<void> => {
      lvm.beforeAnswer = async () => undefined;
      roomy.pv_free = '0';
      await cache.refresh();
    };
    await cache.refresh();
    await lost.look();
    lvm.beforeAnswer = fill;
    jobs.look();
    const waits = { state: 'waiting', reason: expect.stringContaining('add a disk') };
    await vi.waitFor(() => expect(jobs.list()).toMatchObject([waits]));
    expect(commands()).toEqual([]);
  });

  test('waits until the disk is no longer expected back', async () => {
    lvm.disks.push({ ...freeDisk });
    const { jobs, look } = await start(1000);
    await look();
    clock = 999;
    await look();
    expect(jobs.list()).toMatchObject([{ state: 'waiting', reason: expect.stringContaining('jobs.repairAfter') }]);
    clock = 1000;
    await look();
    await vi.waitFor(() => expect(commands()).toContain('lvconvert -y --repair vg/a'));
    await jobs.stop(60_000);
  });

  test('uses the disk again when it is back, and makes the copy on it complete', async () => {
    const { jobs, look } = await start(1000);
    await look();
    lvm.disks = [{ ...lostDisk, pv_name: '/dev/sdb' }];
    lvm.parts = [image(0, '/dev/sda'), image(1, '/dev/sdb')];
    Object.assign(lvm.volumes.get('a')?.row ?? {}, { lv_health_status: 'refresh needed' });
    await look();
    expect(commands()[0]).toBe('vgextend --restoremissing vg /dev/sdb');
    await vi.waitFor(() => expect(commands()).toContain('lvchange --refresh vg/a'));
    setMirror('idle', '100.00');
    await vi.waitFor(() => expect(jobs.list()).toEqual([]));
    expect(commands().join()).not.toMatch(/lvconvert|vgreduce/);
  });

  /** The kernel makes the copy on another disk, which LVM has recorded. */
  function beginCopy(): void {
    lvm.parts = [image(0, '/dev/sda'), image(1, '/dev/sdc')];
    lvm.disks = [{ ...freeDisk, pv_missing: '' }];
    Object.assign(lvm.volumes.get('a')?.row ?? {}, { lv_health_status: '' });
    setMirror('recover', '40.00');
  }

  test('is found again by a process that starts while the kernel makes the copy', async () => {
    beginCopy();
    const { jobs, look } = await start();
    await look();
    await vi.waitFor(() => expect(jobs.list()).toMatchObject([{ state: 'running', done: 0.4 }]));
    setMirror('idle', '100.00');
    await vi.waitFor(() => expect(jobs.list()).toEqual([]));
    expect(commands()).toEqual([]);
  });

  test('has no job any more once an administrator gave up its copies while the kernel made one', async () => {
    beginCopy();
    const { jobs, look } = await start();
    await look();
    await vi.waitFor(() => expect(jobs.list()).toMatchObject([{ state: 'running' }]));
    lvm.mirrors.delete('a');
    lvm.parts = [];
    await vi.waitFor(() => expect(jobs.list()).toEqual([]));
  });

  test('keeps its job if LVM does not use the disk that is back', async () => {
    lvm.disks = [];
    Object.assign(lvm.volumes.get('a')?.row ?? {}, { lv_health_status: 'refresh needed' });
    const { jobs, look } = await start();
    lvm.change = async () => ({ ok: true, rows: [] });
    await look();
    await vi.waitFor(() =>
      expect(jobs.list()).toMatchObject([{ state: 'failed', reason: expect.stringContaining('still lacks a copy') }]),
    );
  });
});

describe('a missing disk', () => {
  test('stays in the group while a volume without a copy lies on it', async () => {
    addVolume('plain', 0);
    const { look } = await start();
    await look();
    expect(commands().join()).not.toContain('vgreduce');
  });

  test('leaves the group if only the spare metadata of thin pools lies on it, which goes first', async () => {
    lvm.volumes.delete('a');
    lvm.volumes.set('lvol0_pmspare', { size: 4n * MiB, tags: new Set() });
    lvm.parts = [{ lv_name: '[lvol0_pmspare]', lv_role: 'private,pool,spare', devices: '[unknown](3)' }];
    const { look } = await start();
    await look();
    expect(commands().slice(0, 2)).toEqual(['lvremove -y vg/lvol0_pmspare', 'vgreduce --removemissing vg']);
  });
});

describe('a volume on a missing disk', () => {
  test('without a copy is neither staged nor removed, and the message says how to give it up', async () => {
    addVolume('plain', 0);
    const { storage } = await start();
    const lost = { kind: 'unavailable', message: expect.stringMatching(/no copy.*"lvremove vg\/plain"/) };
    await expect(storage.activate(idOf('plain'), signal)).rejects.toMatchObject(lost);
    await expect(storage.remove(idOf('plain'), signal)).rejects.toMatchObject(lost);
    expect(lvm.volumes.has('plain')).toBe(true);
  });

  test('without a copy can be staged as soon as the disk is back', async () => {
    addVolume('plain', 0);
    const { storage } = await start();
    lvm.volumes.get('plain')!.row = {};
    await storage.activate(idOf('plain'), signal);
  });

  test('with a copy is staged and removed', async () => {
    const { storage } = await start();
    await storage.activate(idOf('a'), signal);
    await storage.remove(idOf('a'), signal);
    expect(lvm.volumes.has('a')).toBe(false);
  });
});
