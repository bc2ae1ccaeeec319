import { beforeEach, describe, expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import type { SnapshotId } from '../../../src/domain/ids.ts';
import type { InventoryCache } from '../../../src/lvm/cache.ts';
import type { LocalStorage } from '../../../src/lvm/storage.ts';
import type { FakeLvm } from './fake-lvm.ts';
import { fakeStorage, idOf, volume } from './fake-storage.ts';

const { signal } = new AbortController();
const size = 64n * MiB;
const id = 'node-1:snap-1' as SnapshotId;
let lvm: FakeLvm;
let cache: InventoryCache;
let storage: LocalStorage;
beforeEach(async () => {
  ({ lvm, cache, storage } = fakeStorage({ copyWait: 0 }));
  await cache.refresh();
  await storage.create(volume('origin', size), signal);
});

const take = (source = 'origin') =>
  storage.snapshots.take({ name: 'snapshot-1', source: idOf(source), room: { percent: 100 } }, signal);
const tagsOf = (lv: string) => lvm.volumes.get(lv)?.tags ?? expect.fail(`there is no ${lv}`);
const failing = (kind: string, text: string) => ({ kind, message: expect.stringContaining(text) });

/** As another program, or a crash, may have left it. */
async function retag(lv: string, ...tags: string[]): Promise<void> {
  for (const tag of tags) tagsOf(lv).add(`quarry.${tag}`);
  await cache.refresh();
}

describe('a snapshot is not taken', () => {
  test('of a volume that does not exist', async () => {
    await expect(take('none')).rejects.toMatchObject(failing('not-found', 'volume node-1:none does not exist'));
    // The report in memory still shows it.
    lvm.volumes.delete('origin');
    await expect(take()).rejects.toMatchObject(failing('not-found', 'volume node-1:origin does not exist'));
  });

  test('of a volume that is not finished, or passive', async () => {
    await retag('origin', 'state=creating');
    await expect(take()).rejects.toMatchObject(failing('unavailable', 'is not finished yet'));
    tagsOf('origin').delete('quarry.state=creating');
    tagsOf('origin').delete('quarry.role=volume');
    await retag('origin', 'role=arriving');
    await expect(take()).rejects.toMatchObject(failing('unavailable', 'is arriving'));
    expect([...lvm.volumes.keys()]).toEqual(['origin']);
  });

  test('under the name of one of another volume', async () => {
    const first = await take();
    await storage.create(volume('other', size), signal);
    await expect(take('other')).rejects.toMatchObject(failing('exists', 'it was taken of volume node-1:origin'));
    expect(await take()).toEqual(first);
  });

  test('while another call works on it or on its volume', async () => {
    const busy = (what: string) => failing('busy', what);
    await storage.locks.hold(id, 'DeleteSnapshot', () =>
      expect(take()).rejects.toMatchObject(busy('DeleteSnapshot is in progress for node-1:snap-1; CreateSnapshot')),
    );
    await storage.locks.hold(idOf('origin'), 'NodeStageVolume', () =>
      expect(take()).rejects.toMatchObject(busy('NodeStageVolume is in progress for node-1:origin; CreateSnapshot')),
    );
  });
});

describe('a snapshot that was cut off', () => {
  test('is not found, and is removed as unfinished work', async () => {
    const taken = await take();
    await retag('snap-1', 'state=creating');
    expect(await storage.snapshots.find(id, signal)).toBeUndefined();
    await storage.snapshots.undo(taken, signal);
    expect(lvm.volumes.has('snap-1')).toBe(false);
    await storage.snapshots.undo(taken, signal);
  });

  test('is left alone where a call has finished it meanwhile', async () => {
    const taken = await take();
    await storage.snapshots.undo({ ...taken, state: 'creating' } as typeof taken, signal);
    expect(await storage.snapshots.find(id, signal)).toMatchObject({ state: 'ready' });
  });
});

describe('a snapshot is removed', () => {
  test('once, and is no longer found', async () => {
    await take();
    for (const _ of ['first', 'again']) await storage.snapshots.remove(id, signal);
    expect(await storage.snapshots.find(id, signal)).toBeUndefined();
    expect(lvm.volumes.has('snap-1')).toBe(false);
  });

  test('not alone if it is a member of a group snapshot', async () => {
    await take();
    const group = `node-1:group-${'0'.repeat(40)}`;
    await retag('snap-1', `group=${group}`, 'members=2');
    const refused = failing('invalid', `is a member of group snapshot ${group}: delete that one`);
    await expect(storage.snapshots.remove(id, signal)).rejects.toMatchObject(refused);
    expect(lvm.volumes.has('snap-1')).toBe(true);
  });
});

test('a volume keeps the snapshot of a copy that is being made, and says so', async () => {
  await take();
  tagsOf('snap-1').clear();
  await retag('snap-1', 'v=1', 'role=copy-source', `for=${idOf('copy')}`);
  await expect(storage.remove(idOf('origin'), signal)).rejects.toMatchObject(
    failing('precondition', 'it has snapshots (that of its copy node-1:copy, which is being made)'),
  );
});

describe('a volume is not made', () => {
  const copyOf = (source: object, limit?: bigint) =>
    storage.create(
      { ...volume('copy', MiB), source, ...(limit && { size: { required: MiB, limit } }) } as never,
      signal,
    );
  const fromSnapshot = { snapshot: id };
  const fromVolume = { volume: idOf('origin') };

  test('from a source that does not exist', async () => {
    await expect(copyOf(fromSnapshot)).rejects.toMatchObject(
      failing('not-found', 'the source snapshot/node-1:snap-1 does not'),
    );
    await expect(copyOf({ volume: idOf('none') })).rejects.toMatchObject(
      failing('not-found', 'the source volume/node-1:none does not'),
    );
    await take();
    lvm.volumes.delete('snap-1');
    await expect(copyOf(fromSnapshot)).rejects.toMatchObject(
      failing('not-found', 'the source snapshot/node-1:snap-1 does not'),
    );
  });

  test('from a source that is not finished, or passive', async () => {
    await take();
    await retag('snap-1', 'state=creating');
    await expect(copyOf(fromSnapshot)).rejects.toMatchObject(failing('unavailable', 'is not finished yet'));
    await retag('origin', 'state=copying');
    await expect(copyOf(fromVolume)).rejects.toMatchObject(failing('unavailable', 'is not finished yet'));
    for (const tag of ['state=copying', 'role=volume']) tagsOf('origin').delete(`quarry.${tag}`);
    await retag('origin', 'role=leaving');
    await expect(copyOf(fromVolume)).rejects.toMatchObject(failing('unavailable', 'is leaving'));
    expect([...lvm.volumes.keys()]).toEqual(['origin', 'snap-1']);
  });

  test('smaller than its source', async () => {
    await take();
    const refused = failing('out-of-range', `the source has ${size} bytes, more than the limit of ${size - 1n}`);
    await expect(copyOf(fromSnapshot, size - 1n)).rejects.toMatchObject(refused);
    await expect(copyOf(fromSnapshot, size)).rejects.toMatchObject(failing('busy', 'is being copied'));
    expect(lvm.volumes.get('copy')).toMatchObject({ size });
  });
});
