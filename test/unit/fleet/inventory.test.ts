import { expect, test, vi } from 'vitest';
import type { VolumeId } from '../../../src/domain/ids.ts';
import type { Volume } from '../../../src/domain/volume.ts';
import { attached, authority, controller, filesOf, memberOf, never, node, quick, disconnected } from './harness.ts';
import { GatedStorage, pool, specOf } from './gated-storage.ts';

async function filled(count: number): Promise<GatedStorage> {
  const storage = new GatedStorage('a');
  for (let index = 0; index < count; index += 1) await storage.create(specOf(`pvc-${index}`), never);
  return storage;
}

test('a report of many parts counts as a whole', async () => {
  const storage = await filled(1000);
  const running = await controller();
  node(storage, [running.port]);
  const member = await attached(running, 'a');
  expect(member.storage.inventory().volumes).toEqual(storage.volumes);
});

test('a change on a node is reported to every controller', async () => {
  const storage = await filled(3);
  const [one, two] = [await controller(), await controller()];
  const { client } = node(storage, [one.port, two.port]);
  const members = [await attached(one, 'a'), await attached(two, 'a')];
  storage.volumes.delete('a:pvc-0' as VolumeId);
  storage.pools.set(pool.spec.name, { ...pool, free: pool.free / 2n });
  client.changed();
  for (const { storage: remote } of members) {
    await vi.waitUntil(() => remote.inventory().volumes.size === 2, 20_000);
    expect(remote.inventory()).toMatchObject({ volumes: storage.volumes, pools: storage.pools });
  }
  // A change through one controller is reported to the other.
  await members[0]?.storage.create(specOf('pvc-9'), never);
  await vi.waitUntil(() => members[1]?.storage.inventory().volumes.size === 3, 20_000);
});

test('a name that cannot be looked up affects no other name, and keeps its last addresses', async () => {
  const storage = await filled(1);
  const certified = () => authority.issue({ name: 'controller', dns: ['one', 'two'], usage: 'server' });
  const start = (port = 0) => controller({ port, files: filesOf(certified(), authority.certificate) });
  const [one, two] = [await start(), await start()];
  let broken = false;
  const { client, lines } = node(storage, [], {
    controllers: [
      { name: 'one', port: one.port },
      { name: 'two', port: two.port },
    ],
    resolve: async ({ name, port }) => {
      if (broken && name === 'one') throw new Error('no such name');
      return [{ host: '127.0.0.1', name, port }];
    },
  });
  await Promise.all([attached(one, 'a'), attached(two, 'a')]);
  broken = true;
  const warnings = () =>
    lines.filter(({ message }) => message === 'a name of controllers could not be looked up').length;
  await vi.waitUntil(() => warnings() >= 2, 20_000);
  expect(client.connected).toBe(2);
  await one.server.stop();
  await attached(await start(one.port), 'a');
});

test('a change that was announced is reported without a ping', async () => {
  const storage = await filled(1);
  const hour = 3_600_000;
  const running = await controller({ timing: { ...quick, pingEvery: hour, silence: hour } });
  const { client } = node(storage, [running.port]);
  const member = await attached(running, 'a');
  storage.volumes.clear();
  client.changed();
  await vi.waitUntil(() => member.storage.inventory().volumes.size === 0, 20_000);
});

test('a change that was not announced is reported at the next ping', async () => {
  const storage = await filled(1);
  const running = await controller();
  node(storage, [running.port]);
  const member = await attached(running, 'a');
  storage.volumes.clear();
  await vi.waitUntil(() => member.storage.inventory().volumes.size === 0, 20_000);
});

test('a node whose LVM has not answered is not connected', async () => {
  const storage = await filled(1);
  storage.reported = false;
  const running = await controller();
  const { client } = node(storage, [running.port]);
  await vi.waitUntil(() => client.connected === 1, 20_000);
  expect(memberOf(running, 'a')).toBeUndefined();
  storage.reported = true;
  const member = await attached(running, 'a');
  expect(member.storage.inventory().volumes.size).toBe(1);
});

test('a disconnected node stays listed with its last inventory, and knows since when it is connected or not', async () => {
  const storage = await filled(2);
  const connectedAt = Date.now();
  let now = connectedAt;
  const running = await controller({ now: () => now });
  const { client } = node(storage, [running.port]);
  const member = await attached(running, 'a');
  expect(member.since).toBe(connectedAt);
  now += 60_000;
  await client.stop();
  await disconnected(running, 'a');
  expect(running.fleet.members()).toEqual([member]);
  expect(member.since).toBe(connectedAt + 60_000);
  expect(member.storage.inventory().volumes).toEqual(storage.volumes);
  now += 60_000;
  node(storage, [running.port]);
  await attached(running, 'a');
  expect(member.since).toBe(connectedAt + 120_000);
});

test('the age of an inventory does not depend on the clock of the node', async () => {
  const storage = await filled(1);
  const hour = 3_600_000;
  const running = await controller({ now: () => Date.now() + hour });
  node(storage, [running.port]);
  storage.reportedAt = Date.now() - 5000;
  const member = await attached(running, 'a');
  const age = Date.now() + hour - member.storage.inventory().reportedAt;
  expect(age).toBeGreaterThanOrEqual(5000);
  expect(age).toBeLessThan(hour);
});

test('a volume that was born on another node is reported by the node that has it', async () => {
  const storage = await filled(1);
  const [volume] = storage.volumes.values();
  const foreign = { ...volume, id: 'b:pvc-0', role: 'replica' } as Volume;
  storage.volumes.set(foreign.id, foreign);
  const running = await controller();
  node(storage, [running.port]);
  const member = await attached(running, 'a');
  expect(member.storage.inventory().volumes).toEqual(storage.volumes);
});

test('an inline volume is reported with its pod, and without its path on the node', async () => {
  const storage = await filled(1);
  const [volume] = storage.volumes.values();
  const pod = { uid: 'u-1', namespace: 'default', name: 'worker' };
  const inline = { ...volume, role: 'inline', inline: { pod, target: '/kubelet/pods/u-1' } } as Volume;
  storage.volumes.set(inline.id, inline);
  const running = await controller();
  node(storage, [running.port]);
  const member = await attached(running, 'a');
  expect(member.storage.inventory().volumes.get(inline.id)).toEqual({ ...inline, inline: { pod } });
});
