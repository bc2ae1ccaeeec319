import { expect, test } from 'vitest';
import { attached, controller, never, node } from './harness.ts';
import { GatedStorage, pool, specOf } from './gated-storage.ts';

test('a node attaches, and its volumes are served through the controller', async () => {
  const storage = new GatedStorage('a');
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

test('a controller knows that a volume is retained, and when it was made', async () => {
  const storage = new GatedStorage('a');
  const made = await storage.create(specOf('pvc-1'), never);
  storage.volumes.set(made.id, { ...made, created: 1_795_266_000_000 });
  const running = await controller();
  node(storage, [running.port]);
  const member = await attached(running, 'a');
  expect(member.storage.inventory().volumes.get(made.id)).toEqual({ ...made, created: 1_795_266_000_000 });
  expect((await member.storage.retain(made.id, never)).retained).toBe(true);
  expect(member.storage.inventory().volumes.get(made.id)?.retained).toBe(true);
});
