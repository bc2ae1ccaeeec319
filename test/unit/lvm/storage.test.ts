import { beforeEach, describe, expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import { Failure } from '../../../src/domain/errors.ts';
import type { GroupState } from '../../../src/domain/groups.ts';
import type { NodeName, VgName } from '../../../src/domain/ids.ts';
import { InventoryCache } from '../../../src/lvm/cache.ts';
import type { LocalStorage } from '../../../src/lvm/storage.ts';
import { thickSpec } from '../../support/memory-storage.ts';
import { type FakeLvm, spec } from './fake-lvm.ts';
import { fakeStorage, idOf, volume } from './fake-storage.ts';

const { signal } = new AbortController();
let lvm: FakeLvm;
let cache: InventoryCache;
let storage: LocalStorage;
let wiped: string[];
let uses: string[];

beforeEach(() => {
  ({ lvm, cache, storage, wiped, uses } = fakeStorage());
});

/** Delays the answer of the next report, which shows the present state, until the returned function is called. */
function holdReport(): { began: Promise<void>; release: () => void } {
  const [held, began] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  lvm.beforeAnswer = async (argv) => {
    if (argv[0] !== 'fullreport') return;
    lvm.beforeAnswer = async () => undefined;
    began.resolve();
    await held.promise;
  };
  return { began: began.promise, release: held.resolve };
}

describe('the inventory in memory', () => {
  test('is unavailable before the first report', async () => {
    expect(() => cache.current()).toThrow(expect.objectContaining({ kind: 'unavailable' }));
    await expect(storage.find(idOf('a'), signal)).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(storage.remove(idOf('a'), signal)).rejects.toMatchObject({ kind: 'unavailable' });
    await cache.refresh();
    expect(await storage.find(idOf('a'), signal)).toBeUndefined();
  });

  test('keeps a volume that was created during a report, and the space it uses', async () => {
    await cache.refresh();
    const report = holdReport();
    const refresh = cache.refresh();
    await report.began;
    await storage.create(volume('a'), signal);
    report.release();
    const { volumes, pools } = await refresh;
    expect(volumes.get(idOf('a'))).toMatchObject({ size: 8n * MiB, state: 'ready' });
    expect(pools.get(spec.name)?.free).toBe(lvm.free);
  });

  test('omits a volume that was removed during a report', async () => {
    await cache.refresh();
    await storage.create(volume('a'), signal);
    const report = holdReport();
    const refresh = cache.refresh();
    await report.began;
    await storage.remove(idOf('a'), signal);
    report.release();
    expect((await refresh).volumes.size).toBe(0);
    lvm.volumes.set('x', { size: 100n * MiB, tags: new Set() });
    expect((await cache.refresh()).pools.get(spec.name)?.free).toBe(lvm.free);
  });

  test('is unchanged if a report fails', async () => {
    await cache.refresh();
    await storage.create(volume('a'), signal);
    lvm.beforeAnswer = () => Promise.reject(new Failure('unavailable', 'gone'));
    await expect(cache.refresh()).rejects.toMatchObject({ kind: 'unavailable' });
    expect(cache.current().volumes.has(idOf('a'))).toBe(true);
  });

  test('reports no volume as absent while a known group is missing', async () => {
    await cache.refresh();
    await storage.create(volume('a'), signal);
    lvm.present = false;
    await cache.refresh();
    await expect(storage.remove(idOf('a'), signal)).rejects.toMatchObject({ kind: 'unavailable' });
    lvm.present = true;
    expect(await storage.find(idOf('a'), signal)).toMatchObject({ name: 'a' });
  });
});

describe('a missing group', () => {
  const known = (state: GroupState) => cache.identify(new Map([[spec.group, state]]));
  const unavailable = { kind: 'unavailable' };

  test('makes all calls for volumes that may be in it unavailable', async () => {
    lvm.present = false;
    known({ state: 'away', reason: 'volume group vg (UUID own) is not here' });
    await cache.refresh();
    await expect(storage.remove(idOf('a'), signal)).rejects.toMatchObject(unavailable);
    await expect(storage.find(idOf('a'), signal)).rejects.toMatchObject(unavailable);
    await expect(storage.expand(idOf('a'), { required: 8n * MiB }, signal)).rejects.toMatchObject(unavailable);
    await expect(storage.create(volume('a'), signal)).rejects.toMatchObject(unavailable);
    expect(cache.current().unready.get(spec.name)).toBe('volume group vg (UUID own) is not here');
  });

  test('is not confused with another group of that name', async () => {
    lvm.uuid = 'other';
    known({ state: 'present', uuid: 'own' });
    await cache.refresh();
    await expect(storage.remove(idOf('a'), signal)).rejects.toThrow('no longer sees volume group vg (UUID own)');
    await expect(storage.create(volume('a'), signal)).rejects.toMatchObject(unavailable);
    lvm.uuid = 'own';
    await cache.refresh();
    await storage.create(volume('a'), signal);
  });

  test('lets a new name be created elsewhere if it never existed, and reports no known volume as absent', async () => {
    lvm.present = false;
    known({ state: 'none' });
    await cache.refresh();
    await expect(storage.create(volume('a'), signal)).rejects.toMatchObject({ kind: 'exhausted' });
    await expect(storage.remove(idOf('a'), signal)).rejects.toMatchObject(unavailable);
  });

  test('does not affect lookups if it never existed and another group is here', async () => {
    const unused = thickSpec('unused');
    const both = new InventoryCache(lvm, 'node-1' as NodeName, [spec, unused]);
    const here: GroupState = { state: 'present', uuid: 'own' };
    both.identify(new Map([[spec.group, here]]));
    await both.refresh();
    await expect(both.find(idOf('a'))).rejects.toMatchObject(unavailable);
    both.identify(new Map<VgName, GroupState>([...([[spec.group, here]] as const), [unused.group, { state: 'none' }]]));
    expect(await both.find(idOf('a'))).toBeUndefined();
  });
});

describe('creating a volume', () => {
  beforeEach(() => cache.refresh());

  test('a retry after a lost answer finds the volume, and wipes it before it is ready', async () => {
    let lost = false;
    const change = lvm.change.bind(lvm);
    lvm.change = async (argv) => {
      const answer = await change(argv);
      if (argv[0] !== 'lvcreate' || lost) return answer;
      lost = true;
      throw new Failure('unavailable', 'LVM ended before it answered');
    };
    await expect(storage.create(volume('a'), signal)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(lvm.volumes.get('a')?.tags).toContain('quarry.state=creating');
    expect(await storage.create(volume('a'), signal)).toMatchObject({ state: 'ready' });
    expect(wiped).toEqual(['/dev/mapper/vg-a']);
    expect(lvm.volumes.get('a')?.tags).not.toContain('quarry.state=creating');
  });

  test('does not wipe a volume again whose creation ended while its finish waited', async () => {
    const created = storage.create(volume('a'), signal);
    const half = { ...volume('a'), id: idOf('a'), node: storage.node, group: spec.group, lv: 'a', size: 8n * MiB };
    const finished = storage.finish({ ...half, filesystem: 'none', state: 'creating' } as never);
    expect((await created).state).toBe('ready');
    expect((await finished)?.state).toBe('ready');
    expect(wiped).toEqual([]);
  });

  test('finds free space that LVM has and the inventory in memory does not show', async () => {
    lvm.volumes.set('theirs', { size: lvm.size, tags: new Set() });
    await cache.refresh();
    await expect(storage.create(volume('a'), signal)).rejects.toMatchObject({ kind: 'exhausted' });
    lvm.volumes.delete('theirs');
    expect(await storage.create(volume('a'), signal)).toMatchObject({ name: 'a' });
  });

  test('leaves a foreign logical volume of that name alone', async () => {
    lvm.volumes.set('a', { size: MiB, tags: new Set(['theirs']) });
    await expect(storage.create(volume('a'), signal)).rejects.toMatchObject({ kind: 'exists' });
    expect(lvm.volumes.get('a')).toEqual({ size: MiB, tags: new Set(['theirs']) });
  });

  test('does not report lack of space while the volume may be in a missing group', async () => {
    await storage.create(volume('a'), signal);
    lvm.present = false;
    await cache.refresh();
    await expect(storage.create(volume('a'), signal)).rejects.toMatchObject({ kind: 'unavailable' });
    lvm.present = true;
    await cache.refresh();
    expect(await storage.create(volume('a'), signal)).toMatchObject({ name: 'a' });
  });

  test('does not report lack of space if the volume is in a pool that is not ready', async () => {
    await storage.create(volume('a'), signal);
    const known = cache.current.bind(cache);
    cache.current = () => ({ ...known(), pools: new Map(), unready: new Map([[spec.name, 'a disk is missing']]) });
    await expect(storage.create(volume('a'), signal)).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('a disk is missing'),
    });
    await expect(storage.create(volume('b'), signal)).rejects.toMatchObject({ kind: 'exhausted' });
  });

  test('refuses a second creation of a name while the first is in flight', async () => {
    const first = storage.create(volume('a'), signal);
    await expect(storage.create(volume('a'), signal)).rejects.toMatchObject({ kind: 'busy' });
    await first;
  });
});

test('a removal checks in LVM that the volume is ours and not in use', async () => {
  await cache.refresh();
  await storage.create(volume('a'), signal);
  uses.push('/staged');
  await expect(storage.remove(idOf('a'), signal)).rejects.toMatchObject({ kind: 'precondition' });
  uses.length = 0;
  lvm.volumes.get('a')?.tags.clear();
  await expect(storage.remove(idOf('a'), signal)).rejects.toMatchObject({ kind: 'precondition' });
  expect(lvm.volumes.has('a')).toBe(true);
});

describe('retaining a volume', () => {
  test('marks the logical volume as retained once, and reads the mark back', async () => {
    await cache.refresh();
    const { id } = await storage.create(volume('a'), signal);
    expect((await storage.retain(id, signal)).retained).toBe(true);
    expect((await cache.refresh()).volumes.get(id)?.retained).toBe(true);
    const { length } = lvm.commands;
    expect((await storage.retain(id, signal)).retained).toBe(true);
    expect(lvm.commands).toHaveLength(length);
  });

  test('throws not-found for a volume that does not exist', async () => {
    await cache.refresh();
    await expect(storage.retain(idOf('x'), signal)).rejects.toMatchObject({ kind: 'not-found' });
  });
});

test('a PersistentVolume is recorded while a pod starts with the volume: neither waits for the other', async () => {
  await cache.refresh();
  const { id } = await storage.create(volume('a'), signal);
  const recorded = storage.locks.hold(id, 'NodeStageVolume', () => storage.record(id, 'pv-1', signal));
  expect(await recorded).toMatchObject({ persistentVolume: 'pv-1' });
  expect(lvm.volumes.get('a')?.tags).toContain('quarry.pv=pv-1');
});

describe('an expansion looks the volume up again, and', () => {
  beforeEach(async () => {
    await cache.refresh();
    await storage.create(volume('a'), signal);
    lvm.commands.length = 0;
  });

  test('leaves a logical volume alone that no longer carries the tags of the volume', async () => {
    lvm.volumes.set('a', { size: 8n * MiB, tags: new Set(['mine']) });
    await expect(storage.expand(idOf('a'), { required: 16n * MiB }, signal)).rejects.toMatchObject({
      kind: 'precondition',
    });
    expect(lvm.commands).toEqual([]);
  });

  test('throws not-found if it is gone', async () => {
    lvm.volumes.delete('a');
    await expect(storage.expand(idOf('a'), { required: 16n * MiB }, signal)).rejects.toMatchObject({
      kind: 'not-found',
    });
  });

  test('accepts that it was extended meanwhile', async () => {
    lvm.volumes.set('a', { size: 32n * MiB, tags: lvm.volumes.get('a')?.tags ?? new Set() });
    expect(await storage.expand(idOf('a'), { required: 16n * MiB }, signal)).toMatchObject({ size: 32n * MiB });
    expect(lvm.commands).toEqual([]);
  });
});
