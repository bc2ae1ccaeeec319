import { expect, test } from 'vitest';
import { spec } from './fake-lvm.ts';
import { fakeStorage, idOf, volume } from './fake-storage.ts';

const { signal } = new AbortController();

test('counts the space of a removed volume and snapshot once, if a report shows the removal before it is answered', async () => {
  const { lvm, cache, storage } = fakeStorage();
  await cache.refresh();
  await storage.create(volume('a'), signal);
  const snapshot = await storage.snapshots.take(
    { name: 'snapshot', source: idOf('a'), room: { percent: 100 } },
    signal,
  );
  const change = lvm.change.bind(lvm);
  lvm.change = async (argv) => {
    const answer = await change(argv);
    if (argv[0] === 'lvremove') await cache.refresh();
    return answer;
  };
  await storage.snapshots.remove(snapshot.id, signal);
  expect(cache.current().pools.get(spec.name)?.free).toBe(lvm.free);
  await storage.create(volume('b'), signal);
  await storage.remove(idOf('a'), signal);
  expect(cache.current().pools.get(spec.name)?.free).toBe(lvm.free);
});
