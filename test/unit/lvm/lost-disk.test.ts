import { beforeEach, expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import { LostDisk } from '../../../src/lvm/mirrors/lost-disk.ts';
import { FakeLvm, spec } from './fake-lvm.ts';
import { fakeStorage, lostCopies } from './fake-storage.ts';

const { signal } = new AbortController();
const size = 64n * MiB;
const dead = { pv_name: '[unknown]', pv_uuid: 'dead', pv_missing: 'missing', pv_size: String(4n * size), pv_free: '0' };
const segment = (lv: string, uuid = 'dead') => ({
  pv_name: '[unknown]',
  pv_uuid: uuid,
  vg_name: 'vg',
  lv_name: lv,
  segtype: 'linear',
  pvseg_start: '0',
  pvseg_size: '4',
});
const image = (index: number, device: string) => ({
  lv_name: `[m_rimage_${index}]`,
  lv_parent: 'm',
  lv_size: String(size),
  lv_layout: 'linear',
  lv_role: 'private,raid,image',
  devices: `${device}(0)`,
});

let lvm: FakeLvm;
let segments: Record<string, string>[];

const tagsOf = (lv: string) => [`quarry.id=node-1:${lv}`, 'quarry.role=volume'];
function addVolume(lv: string, row: Record<string, string> = {}): void {
  lvm.volumes.set(lv, { size, tags: new Set(tagsOf(lv)), row: { lv_health_status: 'partial', ...row } });
}

beforeEach(() => {
  lvm = new FakeLvm();
  lvm.disks = [{ ...dead }];
  addVolume('plain');
  addVolume('m');
  lvm.mirrors.set('m', { raid_sync_action: 'idle', sync_percent: '100.00', raid_max_recovery_rate: '' });
  lvm.parts = [image(0, '/dev/sda'), image(1, '[unknown]')];
  segments = ['plain', '[m_rmeta_1]', '[m_rimage_1]', '[lvol0_pmspare]'].map((lv) => segment(lv));
  segments.push(segment('elsewhere', 'another'));
});

async function start() {
  const report = lvm.report.bind(lvm);
  lvm.report = async (argv) => (argv[0] === 'pvs' ? { ok: true, rows: segments } : report(argv));
  const parts = fakeStorage({ lvm });
  await parts.cache.refresh();
  const { missing } = lostCopies(parts, 60_000, () => 0);
  return { disk: new LostDisk({ ...parts, missing }), missing };
}

const commands = () => lvm.commands.map((argv) => argv.join(' '));
const plain = { lv: 'vg/plain', id: 'node-1:plain', size, lost: true };
const mirror = { lv: 'vg/m', id: 'node-1:m', size, lost: false };

test.each([
  ['a dry run changes nothing', { deleteLost: true, dryRun: true }, [], true],
  ['without an explicit word nothing is removed', { deleteLost: false, dryRun: false }, [], false],
  ['with it, what has no copy is removed', { deleteLost: true, dryRun: false }, ['lvremove -y vg/plain'], false],
])('all that a missing disk had a part of is named: %s', async (_, given, changes, awaited) => {
  const { disk, missing } = await start();
  expect(await disk.giveUp('dead', given, signal)).toEqual([plain, mirror]);
  expect(commands()).toEqual(changes);
  expect(missing.mayReturn(spec.group)).toBe(awaited);
});

test('a mirror whose copies are all on missing disks is lost', async () => {
  lvm.parts = [image(0, '[unknown]'), image(1, '[unknown]')];
  const { disk } = await start();
  const found = await disk.giveUp('dead', { deleteLost: false, dryRun: true }, signal);
  expect(found).toEqual([plain, { ...mirror, lost: true }]);
});

test('a thin pool takes its volumes and snapshots with it, and is removed once', async () => {
  lvm.volumes.clear();
  addVolume('in-pool', { pool_lv: 'pool', lv_health_status: '' });
  lvm.volumes.set('pool', { size, tags: new Set(), row: { lv_attr: 'twi-aotzp-' } });
  const snapshot = ['quarry.id=node-1:in-pool', 'quarry.role=snapshot'];
  lvm.volumes.set('snap', { size, tags: new Set(snapshot), row: { pool_lv: 'pool' } });
  segments = [segment('[pool_tdata]')];
  const change = lvm.change.bind(lvm);
  lvm.change = async (argv) => {
    if (argv.at(-1) === 'vg/pool') for (const name of ['in-pool', 'snap']) lvm.volumes.delete(name);
    return change(argv);
  };
  const { disk } = await start();
  const found = await disk.giveUp('dead', { deleteLost: true, dryRun: false }, signal);
  expect(found.map(({ lv, lost }) => [lv, lost])).toEqual([
    ['vg/pool', true],
    ['vg/in-pool', true],
    ['vg/snap', true],
  ]);
  expect(commands()).toEqual(['lvremove -y vg/pool']);
});

test('nothing is removed if a part of what is lost cannot be: all of that is named', async () => {
  addVolume('used', { lv_attr: '-wi-ao--p-' });
  lvm.volumes.set('theirs', { size, tags: new Set(), row: { lv_health_status: 'partial' } });
  segments.push(segment('used'), segment('theirs'));
  const { disk } = await start();
  const refused = expect.objectContaining({
    kind: 'precondition',
    message: expect.stringMatching(/vg\/used is in use: delete its pods first\n.*vg\/theirs is not Quarry's/),
  });
  await expect(disk.giveUp('dead', { deleteLost: true, dryRun: true }, signal)).rejects.toEqual(refused);
  await expect(disk.giveUp('dead', { deleteLost: true, dryRun: false }, signal)).rejects.toEqual(refused);
  expect(commands()).toEqual([]);
});

test('a move that was cut off is ended first, because nothing says what was moved', async () => {
  segments = [segment('[pvmove0]')];
  const { disk } = await start();
  await expect(disk.giveUp('dead', { deleteLost: false, dryRun: false }, signal)).rejects.toThrow('pvmove --abort');
});

test.each([
  ['/dev/sda', /is here: see "quarry disks evacuate"/],
  ['/dev/none', /missing ones have a UUID only: dead of vg/],
])('%s is not given up', async (name, message) => {
  const { disk } = await start();
  await expect(disk.giveUp(name, { deleteLost: true, dryRun: false }, signal)).rejects.toThrow(message);
});
