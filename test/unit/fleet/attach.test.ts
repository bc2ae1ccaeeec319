import { expect, test } from 'vitest';
import { attached, controller, never, node } from './harness.ts';
import { MemoryStorage, pool, specOf } from './memory-storage.ts';

test('a node attaches, and its volumes are served through the controller', async () => {
  const storage = new MemoryStorage('a');
  const running = await controller();
  node(storage, [running.port]);
  const member = await attached(running, 'a');
  expect(member.storage.inventory()).toMatchObject({ pools: storage.pools, defaultPool: pool.spec.name });
  const volume = await member.storage.create(specOf('pvc-1'), never);
  expect(volume).toEqual(storage.volumes.get(volume.id));
  expect(member.storage.inventory().volumes.get(volume.id)).toEqual(volume);
  expect(await member.storage.find(volume.id, never)).toEqual(volume);
  await member.storage.remove(volume.id, never);
  expect(member.storage.inventory().volumes.size).toBe(0);
  expect(await member.storage.find(volume.id, never)).toBeUndefined();
});
