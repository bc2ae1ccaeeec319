import { beforeEach, describe, expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import type { SnapshotId } from '../../../src/domain/ids.ts';
import type { InventoryCache } from '../../../src/lvm/cache.ts';
import type { LocalStorage } from '../../../src/lvm/storage.ts';
import type { FakeLvm } from './fake-lvm.ts';
import { fakeStorage, idOf, volume } from './fake-storage.ts';

const { signal } = new AbortController();
let lvm: FakeLvm;
let cache: InventoryCache;
let storage: LocalStorage;
beforeEach(async () => {
  ({ lvm, cache, storage } = fakeStorage());
  await cache.refresh();
  await storage.create(volume('origin', 256n * MiB), signal);
});

const id = 'node-1:snap-1' as SnapshotId;
const take = (room?: { percent: number } | { bytes: bigint }) =>
  storage.snapshots.take({ name: 'snapshot-1', source: idOf('origin'), room }, signal);
const commands = () => lvm.commands.map((command) => command.join(' '));

describe('the room of a thick snapshot', () => {
  test.each([
    ['a fifth of the volume by default', undefined, 52n * MiB],
    ['the percent asked for', { percent: 50 }, 128n * MiB],
    ['the bytes asked for, in extents', { bytes: 5n * MiB }, 8n * MiB],
    ['what LVM can use, at most', { bytes: 900n * MiB }, 260n * MiB],
  ])('is %s', async (_title, room, bytes) => {
    const free = () => cache.current().pools.values().next().value?.free ?? 0n;
    const before = free();
    expect(await take(room)).toMatchObject({ id, size: 256n * MiB, room: bytes, state: 'ready' });
    expect(lvm.volumes.get('snap-1')?.size).toBe(bytes);
    expect(before - free()).toBe(bytes);
    await cache.refresh();
    expect(await storage.snapshots.find(id, signal)).toMatchObject({ size: 256n * MiB, room: bytes });
    await storage.snapshots.remove(id, signal);
    expect(free()).toBe(before);
  });

  test('is that of the class of the volume, unless the snapshot has its own', async () => {
    const given = { ...volume('classed', 100n * MiB), snapshotRoom: { percent: 40 } };
    await storage.create(given, signal);
    await cache.refresh();
    const takeOf = (name: string, room?: { percent: number }) =>
      storage.snapshots.take({ name, source: idOf('classed'), room }, signal);
    expect(await takeOf('snapshot-1')).toMatchObject({ room: 40n * MiB });
    expect(await takeOf('snapshot-2', { percent: 80 })).toMatchObject({ room: 80n * MiB });
  });

  test('is refused if the group has less', async () => {
    await storage.create(volume('large', 740n * MiB), signal);
    await expect(take({ percent: 50 })).rejects.toMatchObject({ kind: 'exhausted' });
    expect([...lvm.volumes.keys()]).toEqual(['origin', 'large']);
  });
});

describe('a volume with thick snapshots', () => {
  test('is not removed, because LVM would remove them with it', async () => {
    await take();
    lvm.volumes.set('by-hand', {
      size: 8n * MiB,
      tags: new Set(),
      row: { lv_attr: 'swi-a-s---', origin: 'origin', origin_size: '1' },
    });
    const before = commands();
    await expect(storage.remove(idOf('origin'), signal)).rejects.toMatchObject({
      kind: 'precondition',
      message: expect.stringContaining('(node-1:snap-1, vg/by-hand)'),
    });
    expect(commands()).toEqual(before);
  });

  test('is not extended, and keeps a size that suffices', async () => {
    await take();
    await expect(storage.expand(idOf('origin'), { required: 512n * MiB }, signal)).rejects.toMatchObject({
      kind: 'precondition',
      message: expect.stringContaining('(node-1:snap-1)'),
    });
    expect(lvm.volumes.get('origin')?.size).toBe(256n * MiB);
    expect(await storage.expand(idOf('origin'), { required: 128n * MiB }, signal)).toMatchObject({ size: 256n * MiB });
  });
});

describe('an overfull snapshot', () => {
  beforeEach(async () => {
    await take();
    Object.assign(lvm.volumes.get('snap-1')?.row ?? {}, { lv_attr: 'sri-I-s---' });
    await cache.refresh();
  });

  test('says so, and is the same when it is asked for again', async () => {
    expect(await storage.snapshots.find(id, signal)).toMatchObject({ state: 'overfull' });
    expect(await take()).toMatchObject({ id, state: 'overfull' });
  });

  test('can be removed', async () => {
    await storage.snapshots.remove(id, signal);
    expect(lvm.volumes.has('snap-1')).toBe(false);
  });
});

test('a snapshot that was cut off is taken again', async () => {
  const tags = ['v=1', 'role=snapshot', `id=${id}`, 'name=snapshot-1', 'source=node-1:origin', 'state=creating'];
  lvm.volumes.set('snap-1', { size: 8n * MiB, tags: new Set(tags.map((tag) => `quarry.${tag}`)) });
  await cache.refresh();
  expect(await take()).toMatchObject({ state: 'ready' });
  expect(
    commands()
      .slice(-3)
      .map((command) => command.split(' ')[0]),
  ).toEqual(['lvremove', 'lvcreate', 'lvchange']);
});

test('a snapshot whose removal was cut off is the snapshot of nothing: it is not found, removed as unfinished work, and taken again', async () => {
  const readAfterCut = async () => {
    await lvm.change(['lvconvert', '-y', '--splitsnapshot', 'vg/snap-1']);
    await cache.refresh();
    expect(await storage.snapshots.find(id, signal)).toBeUndefined();
  };
  const taken = await take();
  await readAfterCut();
  await storage.snapshots.undo(taken, signal);
  expect([...lvm.volumes.keys()]).toEqual(['origin']);
  await take();
  await readAfterCut();
  expect(await take()).toMatchObject({ state: 'ready', room: 52n * MiB });
});
