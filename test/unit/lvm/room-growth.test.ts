import { beforeEach, expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import { RoomGrowth } from '../../../src/lvm/snapshots/room-growth.ts';
import { memoryLog } from '../grpc/harness.ts';
import type { FakeLvm } from './fake-lvm.ts';
import { fakeStorage, idOf, volume } from './fake-storage.ts';

const { signal } = new AbortController();
let lvm: FakeLvm;
let parts: ReturnType<typeof fakeStorage>;
let growth: RoomGrowth;
let lines: ReturnType<typeof memoryLog>['lines'];
beforeEach(async () => {
  parts = fakeStorage();
  ({ lvm } = parts);
  await parts.cache.refresh();
  await parts.storage.create(volume('origin', 100n * MiB), signal);
  await parts.storage.snapshots.take({ name: 'snapshot-1', source: idOf('origin') }, signal);
  const memory = memoryLog();
  ({ lines } = memory);
  growth = new RoomGrowth({ ...parts, log: memory.log });
  await parts.cache.refresh();
});

const change = (fields: Record<string, string>) => Object.assign(lvm.volumes.get('snap-1')?.row ?? {}, fields);
const room = () => lvm.volumes.get('snap-1')?.size;
const messages = () => lines.map(({ message }) => message);

test('a snapshot gets more room when most of it is used, until it can hold every write', async () => {
  change({ data_percent: '69.99' });
  await growth.look();
  expect(room()).toBe(20n * MiB);
  change({ data_percent: '70.00' });
  const sizes = [];
  for (let look = 0; look < 6; look += 1) {
    await growth.look();
    sizes.push(room());
  }
  expect(sizes).toEqual([40n, 60n, 80n, 100n, 104n, 104n].map((size) => size * MiB));
});

test('a snapshot without need costs no report once it can hold every write', async () => {
  change({ data_percent: '70.00' });
  for (let look = 0; look < 5; look += 1) await growth.look();
  let reports = 0;
  lvm.beforeAnswer = async () => void (reports += 1);
  await growth.look();
  expect(reports).toBe(0);
});

test('a group without room is reported once', async () => {
  await parts.storage.create(volume('large', 900n * MiB), signal);
  change({ data_percent: '90.00' });
  for (let look = 0; look < 3; look += 1) await growth.look();
  expect(room()).toBe(24n * MiB);
  expect(messages()).toEqual(['room of a snapshot extended', 'a snapshot needs more room, and its group has none']);
});

test('an overfull snapshot is reported once, and gets no room', async () => {
  change({ data_percent: '100.00', lv_attr: 'sri-I-s---' });
  await growth.look();
  await growth.look();
  expect(room()).toBe(20n * MiB);
  expect(messages()).toEqual(['a snapshot is overfull: its content is lost']);
  expect(lvm.commands.filter((argv) => argv.includes('quarry.state=overfull'))).toHaveLength(1);
});

test('an overfull snapshot stays so if the kernel shows it as whole, because the disk of its room could not record it', async () => {
  change({ data_percent: '100.00', lv_attr: 'sri-I-s---' });
  await growth.look();
  change({ lv_attr: 'sri-a-s---' });
  const { snapshots } = await parts.cache.refresh();
  expect([...snapshots.values()]).toMatchObject([{ state: 'overfull' }]);
});

test('a snapshot that is not finished is left alone: LVM shows it as overfull while its content is exchanged', async () => {
  lvm.volumes.get('snap-1')?.tags.add('quarry.state=creating');
  change({ data_percent: '', lv_attr: 'sri-XXs-X-' });
  await parts.cache.refresh();
  await growth.look();
  change({ data_percent: '100.00', lv_attr: 'sri-I-s---' });
  await parts.cache.refresh();
  await growth.look();
  expect(messages()).toEqual([]);
});

test('a snapshot whose group LVM does not show keeps no other from getting room', async () => {
  const row = { ...lvm.volumes.get('snap-1')?.row, vg_name: 'other', data_percent: '90.00' };
  lvm.volumes.set('snap-0', { size: 8n * MiB, tags: new Set(['quarry.role=snapshot']), row });
  change({ data_percent: '70.00' });
  await growth.look();
  expect([room(), lvm.volumes.get('snap-0')?.size]).toEqual([40n * MiB, 8n * MiB]);
});

test("a person's snapshot is left alone", async () => {
  const row = { lv_attr: 'swi-a-s---', origin: 'origin', origin_size: String(100n * MiB), data_percent: '90.00' };
  lvm.volumes.set('by-hand', { size: 8n * MiB, tags: new Set(), row });
  await growth.look();
  expect(lvm.volumes.get('by-hand')?.size).toBe(8n * MiB);
});
