import { beforeEach, describe, expect, test, vi } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import { encryptionFrom } from '../../../src/domain/encryption.ts';
import type { PodUid } from '../../../src/domain/pod-targets.ts';
import type { LocalStorage } from '../../../src/lvm/storage.ts';
import { defaultLayout } from '../../../src/domain/pool.ts';
import type { CopyRange } from '../../../src/lvm/copies/copy-range.ts';
import { roomsIn, zeroedTags } from '../../../src/lvm/growth/room.ts';
import { FakeLvm, spec as plainPool } from './fake-lvm.ts';
import { fakeCopying } from './fake-copying.ts';
import { idOf, volume } from './fake-storage.ts';

const { signal } = new AbortController();
const size = 160n * MiB;
const zeroing = { ...plainPool, zeroOnCreate: true } as const;
const pod = { uid: 'uid-1' as PodUid, namespace: 'default', name: 'web' };
const encryption = encryptionFrom({ encryption: 'luks2' });
let lvm: FakeLvm;
beforeEach(() => {
  lvm = new FakeLvm();
});

const start = (duringCopy: CopyRange = async () => undefined, copyWait = 10_000, pool = zeroing as typeof plainPool) =>
  fakeCopying({ lvm, duringCopy, copyWait, pool });

const tagsOf = (lv: string) => [...(lvm.volumes.get(lv)?.tags ?? [])].filter((tag) => /state|copied/.test(tag));
const hang: CopyRange = (_range, stopped) =>
  new Promise((_resolve, reject) => stopped.addEventListener('abort', () => reject(new Error('killed'))));

describe('a new thick volume of a pool with zeroOnCreate', () => {
  test('is handed out once all of it was written with zeros', async () => {
    const { storage, copied } = await start();
    expect(await storage.create(volume('new', size), signal)).toMatchObject({ state: 'ready', size });
    const zeros = { to: '/dev/mapper/vg-new', block: MiB, sparse: false };
    expect(copied).toEqual([
      { ...zeros, offset: 0n, size: 64n * MiB },
      { ...zeros, offset: 64n * MiB, size: 64n * MiB },
      { ...zeros, offset: 128n * MiB, size: 32n * MiB },
    ]);
    expect(tagsOf('new')).toEqual([]);
  });

  test('is busy until then, and the next driver goes on where the zeros end', async () => {
    const first = await start((range, stopped) => (range.offset === 0n ? Promise.resolve() : hang(range, stopped)), 0);
    await expect(first.storage.create(volume('new', size), signal)).rejects.toMatchObject({
      kind: 'busy',
      message: expect.stringContaining('is being written with zeros'),
    });
    await vi.waitFor(() => expect(tagsOf('new')).toEqual(['quarry.state=copying', `quarry.copied=${64n * MiB}`]));
    await expect(first.storage.activate(idOf('new'), signal)).rejects.toMatchObject({ kind: 'busy' });
    await first.jobs.stop(1000);
    const { storage, copied } = await start();
    expect(await storage.create(volume('new', size), signal)).toMatchObject({ state: 'ready' });
    expect(copied.map(({ offset }) => offset)).toEqual([64n * MiB, 128n * MiB]);
  });

  test('is written with zeros also if its creation was cut off before', async () => {
    const before = await start(undefined, 10_000, plainPool);
    await before.storage.create(volume('new', size), signal);
    lvm.volumes.get('new')?.tags.add('quarry.state=creating');
    const { storage, copied, cache } = await start(hang, 0);
    await cache.refresh();
    await expect(storage.activate(idOf('new'), signal)).rejects.toMatchObject({ kind: 'busy' });
    expect(tagsOf('new')).toEqual(['quarry.state=copying']);
    await expect(storage.create(volume('new', size), signal)).rejects.toMatchObject({ kind: 'busy' });
    await vi.waitFor(() => expect(copied).toHaveLength(1));
  });

  test('is removed while it is written with zeros', async () => {
    const { storage, jobs } = await start(hang, 0);
    await expect(storage.create(volume('new', size), signal)).rejects.toMatchObject({ kind: 'busy' });
    await vi.waitFor(() => expect(jobs.list()).toMatchObject([{ kind: 'copy', state: 'running' }]));
    await storage.remove(idOf('new'), signal);
    expect([...lvm.volumes.keys()]).toEqual([]);
  });

  test('that is larger than its source has zeros after the content of that', async () => {
    const { storage, copied } = await start();
    await storage.create(volume('origin', 64n * MiB), signal);
    copied.length = 0;
    const larger = { ...volume('copy', 96n * MiB), source: { volume: idOf('origin') } };
    expect(await storage.create(larger, signal)).toMatchObject({ state: 'ready', size: 96n * MiB });
    expect(copied.map((part) => ['from' in part, part.offset, part.size])).toEqual([
      [true, 0n, 64n * MiB],
      [false, 64n * MiB, 32n * MiB],
    ]);
  });
});

test.each([
  ['in another pool', plainPool, {}],
  ['that is encrypted', zeroing, { encryption }],
  ['that is inline', zeroing, { inline: { pod, target: '/target' } }],
])('a new volume %s is not written with zeros', async (_which, pool, over) => {
  const { storage, copied } = await start(undefined, 10_000, pool);
  expect(await storage.create({ ...volume('new', size), ...over }, signal)).toMatchObject({ state: 'ready' });
  expect(copied).toEqual([]);
});

test('how much of a room is zeros is in its tags, of which the first removes none', () => {
  expect(zeroedTags(0n, 4n)).toEqual({ remove: [], add: 'quarry.zeroed=4' });
  expect(zeroedTags(4n, 8n)).toEqual({ remove: 'quarry.zeroed=4', add: 'quarry.zeroed=8' });
  const tags = new Map([
    ['role', 'room'],
    ['for', 'node-1:vol'],
    ['grows', 'vol'],
    ['zeroed', '8'],
  ]);
  expect(roomsIn([{ tags } as never])).toMatchObject([{ volume: 'node-1:vol', target: 'vol', zeroed: 8n }]);
});

describe('the growth of a volume in a pool with zeroOnCreate', () => {
  const rooms = () => [...lvm.volumes.keys()].filter((lv) => lv.startsWith('q-room-'));
  const made = async (duringCopy?: CopyRange, over: object = {}, copyWait?: number) => {
    const plain = await start();
    await plain.storage.create({ ...volume('new', 8n * MiB), ...over }, signal);
    await plain.jobs.stop(1000);
    return start(duringCopy, copyWait);
  };
  const grow = (storage: LocalStorage) => storage.expand(idOf('new'), { required: 80n * MiB }, signal);
  const sizeOf = () => lvm.volumes.get('new')?.size;

  test('takes exactly the extents that were written with zeros before', async () => {
    const { storage, copied } = await made(async () => expect(sizeOf()).toBe(8n * MiB));
    expect(await grow(storage)).toMatchObject({ size: 80n * MiB });
    expect(
      copied.map(({ to, offset, size: part }) => [to.startsWith('/dev/mapper/vg-q--room--'), offset, part]),
    ).toEqual([
      [true, 0n, 64n * MiB],
      [true, 64n * MiB, 8n * MiB],
    ]);
    expect(lvm.commands.at(-1)).toEqual(['lvextend', '-y', '-L', `${80n * MiB}b`, 'vg/new', '/dev/sda:0-17']);
    expect(rooms()).toEqual([]);
  });

  test('is busy until then, and the next driver goes on where the zeros end', async () => {
    const stuck: CopyRange = (range, stopped) => (range.offset === 0n ? Promise.resolve() : hang(range, stopped));
    const first = await made(stuck, {}, 0);
    await expect(grow(first.storage)).rejects.toMatchObject({ kind: 'busy' });
    await vi.waitFor(() => expect(lvm.volumes.get(rooms()[0] ?? '')?.tags).toContain(`quarry.zeroed=${64n * MiB}`));
    await expect(grow(first.storage)).rejects.toMatchObject({ kind: 'busy' });
    expect([rooms().length, sizeOf()]).toEqual([1, 8n * MiB]);
    await first.jobs.stop(1000);
    const { storage, copied } = await start();
    expect(await grow(storage)).toMatchObject({ size: 80n * MiB });
    expect(copied.map(({ offset }) => offset)).toEqual([64n * MiB]);
  });

  test('begins again after a crash between the removal of the room and the extension', async () => {
    const { storage, jobs } = await made();
    lvm.beforeAnswer = async ([command]) => {
      if (command === 'lvextend') throw new Error('killed');
    };
    await expect(grow(storage)).rejects.toMatchObject({ kind: 'busy' });
    await jobs.stop(1000);
    expect([rooms(), sizeOf()]).toEqual([[], 8n * MiB]);
    lvm.beforeAnswer = async () => undefined;
    const next = await start();
    expect(await grow(next.storage)).toMatchObject({ size: 80n * MiB });
    expect(next.copied).toHaveLength(2);
  });

  test('of one that is deleted meanwhile leaves no room behind', async () => {
    const { storage, jobs } = await made(hang, {}, 0);
    await expect(grow(storage)).rejects.toMatchObject({ kind: 'busy' });
    await vi.waitFor(() => expect(jobs.list()).toMatchObject([{ kind: 'copy', state: 'running' }]));
    await storage.remove(idOf('new'), signal);
    await vi.waitFor(() => expect(jobs.list()).toMatchObject([{ state: 'waiting' }]));
    await jobs.stop(1000);
    await start().then((next) => next.jobs.look());
    await vi.waitFor(() => expect([...lvm.volumes.keys()]).toEqual([]));
  });

  test('of a new one with the same name gets nothing of the room of the deleted one', async () => {
    const first = await made(hang, {}, 0);
    await expect(grow(first.storage)).rejects.toMatchObject({ kind: 'busy' });
    await first.jobs.stop(1000);
    Object.assign(lvm.volumes.get('new') ?? {}, { uuid: 'another' });
    const { storage, jobs } = await start();
    jobs.look();
    await vi.waitFor(() => expect(rooms()).toEqual([]));
    expect(sizeOf()).toBe(8n * MiB);
    expect(await grow(storage)).toMatchObject({ size: 80n * MiB });
  });

  test('is refused without room in the pool, and leaves nothing', async () => {
    const { storage } = await made();
    const expanded = storage.expand(idOf('new'), { required: 2048n * MiB }, signal);
    await expect(expanded).rejects.toMatchObject({ kind: 'exhausted' });
    expect(rooms()).toEqual([]);
  });

  describe('of which there are two copies', () => {
    const image = (index: number, device: string) => ({
      lv_name: `[new_rimage_${index}]`,
      lv_parent: 'new',
      lv_size: String(8n * MiB),
      lv_role: 'private,raid,image',
      devices: `${device}(1)`,
    });
    const disk = (pv_name: string, free: bigint) => ({
      pv_name,
      pv_uuid: pv_name,
      pv_missing: '',
      pv_free: String(free),
    });
    const mirrored = async (onOwn: bigint, onOthers: bigint) => {
      lvm.disk['pv_free'] = String(onOwn);
      lvm.disks.push(disk('/dev/sdb', onOwn), disk('/dev/sdc', onOthers), disk('/dev/sdd', onOthers));
      lvm.mirrors.set('new', { raid_sync_action: 'idle', sync_percent: '100.00', raid_max_recovery_rate: '' });
      lvm.parts.push(image(0, '/dev/sdb'), image(1, '/dev/sda'));
      return made(undefined, { layout: { ...defaultLayout(plainPool, 'thick'), mirrors: 1 } });
    };
    const roomOf = () => lvm.commands.find((argv) => argv[0] === 'lvcreate' && argv.includes('striped'));

    test.each([
      [80n * MiB, 0n, ['/dev/sdb', '/dev/sda']],
      [68n * MiB, 80n * MiB, ['/dev/sdc', '/dev/sdd']],
    ])('takes zeros on the disks of both, or on two others', async (onOwn, onOthers, disks) => {
      const { storage, copied } = await mirrored(onOwn, onOthers);
      expect(await grow(storage)).toMatchObject({ size: 80n * MiB });
      expect(roomOf()?.slice(-5)).toEqual(['-L', `${144n * MiB}b`, 'vg', ...disks]);
      expect(copied.reduce((sum, part) => sum + part.size, 0n)).toBe(144n * MiB);
      expect(lvm.commands.at(-1)).toEqual(['lvextend', '-y', '-L', `${80n * MiB}b`, 'vg/new', '/dev/sda:0-35']);
      expect(rooms()).toEqual([]);
    });

    test('is refused where LVM would have one copy partly on the disk of the other', async () => {
      const { storage } = await mirrored(80n * MiB, 80n * MiB);
      Object.assign(lvm.disk, { pv_free: '0' });
      lvm.disks.splice(1, 1);
      await expect(grow(storage)).rejects.toMatchObject({
        kind: 'exhausted',
        message: expect.stringContaining('each of its 2 parts needs 72 MiB free on a disk that it is on'),
      });
      expect([rooms(), sizeOf()]).toEqual([[], 8n * MiB]);
    });
  });

  test('of two stripes takes zeros on two disks, which LVM chooses', async () => {
    lvm.disks.push({ pv_name: '/dev/sdb', pv_uuid: 'v', pv_missing: '' });
    const { storage } = await made(undefined, { layout: { ...defaultLayout(plainPool, 'thick'), stripes: 2 } });
    expect(await grow(storage)).toMatchObject({ size: 80n * MiB });
    const room = lvm.commands.findLast(([command]) => command === 'lvcreate');
    expect(room).toEqual(expect.arrayContaining(['striped', '-i', '2', '-L', `${72n * MiB}b`]));
    expect(room?.at(-1)).toBe('vg');
  });

  test('is done at once if it is encrypted', async () => {
    const { storage, copied } = await made(undefined, { encryption });
    expect((await storage.expand(idOf('new'), { required: 16n * MiB }, signal)).size).toBeGreaterThan(16n * MiB);
    expect(copied).toEqual([]);
  });
});
