import { beforeEach, describe, expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import type { Volume } from '../../../src/domain/volume.ts';
import type { InventoryCache } from '../../../src/lvm/cache.ts';
import type { LocalStorage } from '../../../src/lvm/storage.ts';
import type { FakeLvm } from './fake-lvm.ts';
import { fakeStorage, idOf, volume } from './fake-storage.ts';

const { signal } = new AbortController();
let lvm: FakeLvm;
let cache: InventoryCache;
let storage: LocalStorage;
let wiped: string[];

beforeEach(() => {
  ({ lvm, cache, storage, wiped } = fakeStorage());
});

describe('a mirrored volume whose creation was cut off in LVM', () => {
  /** The state that LVM leaves: the metadata volumes of the copies are visible and have all tags of the volume. */
  const leaveParts = async (state: 'creating' | 'ready') => {
    await cache.refresh();
    await storage.create(volume('a'), signal);
    const tags = lvm.volumes.get('a')?.tags ?? new Set();
    if (state === 'creating') tags.add('quarry.state=creating');
    for (const part of ['a_rmeta_0', 'a_rmeta_1']) lvm.volumes.set(part, { size: 4n * MiB, tags: new Set(tags) });
    await cache.refresh();
    lvm.commands.length = 0;
  };
  const leaveSuperblock = async () => {
    await cache.refresh();
    await storage.create(volume('a'), signal);
    const left = lvm.volumes.get('a');
    left?.tags.add('quarry.state=creating');
    Object.assign(left ?? {}, { row: { lv_attr: 'rwi---r---' } });
    await cache.refresh();
    lvm.commands.length = 0;
  };
  const changes = () => lvm.commands.map(([command]) => command);

  test('a repeated CreateVolume removes the remains and creates the volume again', async () => {
    await leaveParts('creating');
    expect([...cache.current().volumes.keys()]).toEqual([idOf('a')]);
    expect(await storage.create(volume('a'), signal)).toMatchObject({ lv: 'a', state: 'ready' });
    expect(changes()).toEqual(['lvremove', 'lvcreate', 'lvchange']);
    expect([...lvm.volumes.keys()]).toEqual(['a']);
  });

  test('the next start removes the remains of a mirrored creation', async () => {
    await leaveParts('creating');
    const half = cache.current().volumes.get(idOf('a'));
    expect(half && (await storage.finish(half))).toBeUndefined();
    expect(lvm.volumes.size).toBe(0);
    expect(await storage.find(idOf('a'), signal)).toBeUndefined();
    expect(wiped).toEqual([]);
  });

  test('DeleteVolume removes the remains of a mirrored creation', async () => {
    await leaveParts('creating');
    await storage.remove(idOf('a'), signal);
    expect(lvm.volumes.size).toBe(0);
  });

  test('a volume that the kernel refuses to activate, because only some of its disks have its superblock, is made again', async () => {
    await leaveSuperblock();
    const half = cache.current().volumes.get(idOf('a'));
    expect(half && (await storage.finish(half))).toBeUndefined();
    expect(lvm.volumes.size).toBe(0);
    await leaveSuperblock();
    expect(await storage.create(volume('a'), signal)).toMatchObject({ lv: 'a', state: 'ready' });
    expect(changes()).toEqual(['lvremove', 'lvcreate', 'lvchange']);
  });

  test('a ready volume that is inactive is kept', async () => {
    await leaveSuperblock();
    lvm.volumes.get('a')?.tags.delete('quarry.state=creating');
    await cache.refresh();
    expect(await storage.create(volume('a'), signal)).toMatchObject({ lv: 'a', state: 'ready' });
    expect(changes()).toEqual([]);
  });

  test('a ready volume with visible parts is kept, because LVM may be adding a copy', async () => {
    await leaveParts('ready');
    expect(await storage.create(volume('a'), signal)).toMatchObject({ lv: 'a', state: 'ready' });
    expect(changes()).toEqual([]);
  });
});

test('refuses an id that two logical volumes claim', async () => {
  await cache.refresh();
  await storage.create(volume('a'), signal);
  lvm.volumes.set('b', { size: 8n * MiB, tags: new Set(lvm.volumes.get('a')?.tags) });
  await cache.refresh();
  lvm.commands.length = 0;
  const refusal = { kind: 'precondition', message: expect.stringContaining('vg/a, vg/b') };
  expect(cache.current().volumes.size).toBe(0);
  await expect(storage.find(idOf('a'), signal)).rejects.toMatchObject(refusal);
  await expect(storage.create(volume('a'), signal)).rejects.toMatchObject(refusal);
  await expect(storage.remove(idOf('a'), signal)).rejects.toMatchObject(refusal);
  await expect(storage.activate(idOf('a'), signal)).rejects.toMatchObject(refusal);
  expect(lvm.commands).toEqual([]);
  lvm.volumes.get('b')?.tags.clear();
  await cache.refresh();
  expect(await storage.find(idOf('a'), signal)).toMatchObject({ lv: 'a' });
});

describe('an activation that was cut off in LVM', () => {
  const create = async () => {
    await cache.refresh();
    await storage.create(volume('a'), signal);
    lvm.volumes.get('a')?.tags.add('quarry.state=creating');
    await cache.refresh();
    lvm.commands.length = 0;
  };
  const creating = (): Volume => cache.current().volumes.get(idOf('a')) ?? expect.unreachable();

  test('is completed after the parts that it left active were deactivated', async () => {
    await create();
    for (const part of ['a_rmeta_0', 'a_rimage_0']) lvm.activeParts.add(part);
    expect(await storage.finish(creating())).toMatchObject({ state: 'ready' });
    expect(lvm.commands.slice(0, 3)).toEqual([
      ['lvchange', '-a', 'y', '-K', '--poll', 'n', 'vg/a'],
      ['lvchange', '-a', 'n', '-y', 'vg/a_rmeta_0', 'vg/a_rimage_0'],
      ['lvchange', '-a', 'y', '-K', '--poll', 'n', 'vg/a'],
    ]);
  });

  test('fails with the part that is in use, which stays active', async () => {
    await create();
    lvm.activeParts.add('a_rmeta_0');
    lvm.partsInUse.add('a_rmeta_0');
    await expect(storage.finish(creating())).rejects.toThrow(/a_rmeta_0, which an interrupted .* in use/);
    expect(lvm.activeParts).toEqual(new Set(['a_rmeta_0']));
  });
});

describe('an activation that LVM refuses', () => {
  const refusal = 'device-mapper: reload ioctl on  (253:7) failed: No data available';
  const names = () => lvm.commands.map(([command]) => command);

  /** A thin volume whose creation was cut off; LVM refuses to activate it until another one was made in its pool and removed. */
  const refuse = async (message: string): Promise<Volume> => {
    await cache.refresh();
    await storage.create(volume('a'), signal);
    const left = lvm.volumes.get('a') ?? expect.unreachable();
    left.tags.add('quarry.state=creating');
    left.row = { lv_attr: 'Vwi-a-tz--', pool_lv: 'thinpool' };
    lvm.volumes.set('thinpool', { size: 64n * MiB, tags: new Set(), row: { lv_attr: 'twi-aotz--' } });
    await cache.refresh();
    lvm.commands.length = 0;
    const succeed = lvm.change.bind(lvm);
    lvm.change = async (argv) => {
      const answer = await succeed(argv);
      const refused = argv[0] === 'lvchange' && argv.includes('y') && !names().includes('lvremove');
      return refused ? { ok: false, messages: [message] } : answer;
    };
    return cache.current().volumes.get(idOf('a')) ?? expect.unreachable();
  };

  test('because the thin pool does not know the device succeeds after the pending changes of the pool', async () => {
    expect(await storage.finish(await refuse(refusal))).toMatchObject({ state: 'ready' });
    expect(names().slice(0, 4)).toEqual(['lvchange', 'lvcreate', 'lvremove', 'lvchange']);
    expect([...lvm.volumes.keys()]).toEqual(['a', 'thinpool']);
  });

  test('for another reason fails with it, and changes nothing in the thin pool', async () => {
    const creating = await refuse('the disk does not answer');
    await expect(storage.finish(creating)).rejects.toThrow('the disk does not answer');
    expect(names()).toEqual(['lvchange']);
  });
});
