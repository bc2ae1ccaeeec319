import { expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import { FakeLvm, spec } from './fake-lvm.ts';
import { fakeStorage, idOf, volume } from './fake-storage.ts';

const { signal } = new AbortController();
const layout = { type: 'thick', stripes: 1, stripeSize: 65_536n, mirrors: 1 } as const;
const sources = ['one', 'two'].map(idOf);

/** Two mirrored volumes of 64 MiB in a group with so many bytes left. */
async function withRoom(left: bigint) {
  const lvm = new FakeLvm();
  lvm.disks = [{ pv_name: '/dev/sdb', pv_uuid: 'second', pv_missing: '' }];
  const { storage, cache } = fakeStorage({ lvm, pool: { ...spec, mirrors: 1 } });
  await cache.refresh();
  for (const name of ['one', 'two']) {
    await storage.create({ ...volume(name, 64n * MiB), layout }, signal);
    lvm.mirrors.set(name, { raid_sync_action: 'idle', sync_percent: '100.00', raid_max_recovery_rate: '' });
  }
  lvm.volumes.set('foreign', { size: lvm.free - left, tags: new Set() });
  await cache.refresh();
  const take = () => storage.groupSnapshots.take({ name: 'group', sources, room: { bytes: 16n * MiB } }, signal);
  return { lvm, cache, storage, take };
}

test('a group snapshot of mirrored volumes that has room for one member only is refused, and leaves nothing', async () => {
  const { lvm, cache, storage, take } = await withRoom(24n * MiB);
  await expect(take()).rejects.toMatchObject({ kind: 'exhausted' });
  expect([...lvm.volumes.keys()]).toEqual(['one', 'two', 'foreign']);
  expect(cache.current().snapshots.size).toBe(0);
  expect(cache.current().pools.get(spec.name)?.free).toBe(24n * MiB);
  // The volumes are not held up, and a deletion that makes room makes the call succeed.
  await storage.modify(idOf('one'), { limits: {}, reservations: {} }, signal);
  lvm.volumes.delete('foreign');
  await cache.refresh();
  expect((await take()).members.map(({ source }) => source).toSorted()).toEqual(sources);
});

test('a group snapshot of mirrored volumes is refused, and leaves nothing, if LVM finds no room for its second member', async () => {
  const { lvm, cache, take } = await withRoom(64n * MiB);
  lvm.beforeAnswer = async (argv) => {
    const isSecond = argv.includes('-s') && [...lvm.volumes.keys()].some((name) => name.startsWith('snap-'));
    // Another program takes it.
    if (isSecond) lvm.volumes.set('taken', { size: lvm.free, tags: new Set() });
  };
  await expect(take()).rejects.toMatchObject({ kind: 'exhausted' });
  expect([...lvm.volumes.keys()]).toEqual(['one', 'two', 'foreign', 'taken']);
  expect(cache.current().snapshots.size).toBe(0);
});
