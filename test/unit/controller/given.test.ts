import { beforeEach, describe, expect, test } from 'vitest';
import { noLifecycle } from '../../../src/controller/node-registry.ts';
import type { Provisioner } from '../../../src/controller/provisioner.ts';
import { createControllerService } from '../../../src/controller/service.ts';
import { MiB } from '../../../src/domain/bytes.ts';
import type { NodeName, VolumeId } from '../../../src/domain/ids.ts';
import type { PassiveRole, Volume } from '../../../src/domain/volume.ts';
import type { MemoryFleet } from '../../support/memory-fleet.ts';
import type { MemoryStorage } from '../../support/memory-storage.ts';
import { anywhere, controllerOf, inOrder, nodesOf, pinned, wish } from './wishes.ts';

const { signal } = new AbortController();
const [a, b, c] = ['a', 'b', 'c'] as NodeName[] as [NodeName, NodeName, NodeName];
const id = 'a:x' as VolumeId;
let gone: Set<string>;
let nodes: [MemoryStorage, MemoryStorage, MemoryStorage];
let fleet: MemoryFleet;
let provisioner: Provisioner;
let volume: Volume;

beforeEach(async () => {
  gone = new Set();
  nodes = nodesOf({ a: 512, b: 256, c: 256 }) as typeof nodes;
  const lifecycle = { ...noLifecycle, nodeGone: (node: NodeName) => gone.has(node) };
  ({ fleet, provisioner } = controllerOf(nodes, { lifecycle }));
  volume = await provisioner.create(wish('x', pinned('a')), signal);
});

/** The volume as another node has it. */
const put = (on: MemoryStorage, role?: PassiveRole) =>
  on.volumes.set(id, { ...volume, node: on.node, ...(role && { role }) });

/** The volume was born on a and is on b now; a may have something left. */
function give(left?: PassiveRole): void {
  nodes[0].volumes.delete(id);
  if (left) put(nodes[0], left);
  put(nodes[1]);
  nodes[0].given.set(id, b);
}

/** The controller remembers nothing of what it made. */
function restart(): void {
  ({ fleet, provisioner } = controllerOf(nodes));
}
const listed = () => provisioner.list('', 0).map((each) => `${each.id} on ${each.node}`);

describe('a volume that was given to another node', () => {
  test.each([undefined, 'superseded' as const])(
    'is found, expanded and deleted on the node that has it (%s)',
    async (left) => {
      give(left);
      expect(await provisioner.get(id, signal)).toMatchObject({ id, node: b });
      expect(await provisioner.expand(id, { required: 128n * MiB }, signal)).toMatchObject({ node: b });
      expect(nodes[1].volumes.get(id)?.size).toBe(128n * MiB);
      expect(listed()).toEqual(['a:x on b']);
      await provisioner.remove(id, signal);
      expect([nodes[0].volumes.size, nodes[1].volumes.size, nodes[0].given.size]).toEqual([0, 0, 0]);
      await provisioner.remove(id, signal);
      await expect(provisioner.get(id, signal)).rejects.toMatchObject({ kind: 'not-found' });
    },
  );

  test('has the topology of the node that has it, in every answer', async () => {
    give();
    const service = createControllerService(provisioner, 'lvm.quarry.csi');
    const context = { signal } as never;
    const there = [{ segments: { 'topology.lvm.quarry.csi/node': 'b' } }];
    const got = await service.controllerGetVolume?.({ volumeId: id }, context);
    expect(got?.volume?.accessibleTopology).toEqual(there);
    const list = await service.listVolumes?.({ maxEntries: 0, startingToken: '' }, context);
    expect(list?.entries?.map((entry) => entry.volume?.accessibleTopology)).toEqual([there]);
    const created = await provisioner.create(wish('x'), signal);
    expect(created).toMatchObject({ id, node: b });
  });

  test('is the volume of its name wherever the topology allows that', async () => {
    give();
    expect(await provisioner.create(wish('x', anywhere), signal)).toMatchObject({ id, node: b });
    await expect(provisioner.create(wish('x', pinned('a')), signal)).rejects.toMatchObject({ kind: 'exists' });
    const larger = wish('x', anywhere, { size: { required: 128n * MiB } });
    await expect(provisioner.create(larger, signal)).rejects.toMatchObject({ kind: 'exists' });
    expect(nodes.map(({ volumes }) => volumes.size)).toEqual([0, 1, 0]);
  });

  test.each([undefined, 'superseded' as const])(
    'is the volume of its name for a topology of the node that has it alone (%s)',
    async (left) => {
      give(left);
      restart();
      const found = { id, node: b };
      expect(await provisioner.create(wish('x', pinned('b')), signal)).toMatchObject(found);
      expect(await provisioner.create(wish('x', inOrder('c', 'b')), signal)).toMatchObject(found);
      const larger = wish('x', pinned('b'), { size: { required: 128n * MiB } });
      await expect(provisioner.create(larger, signal)).rejects.toMatchObject({ kind: 'exists' });
      fleet.link('a').detach();
      await expect(provisioner.create(wish('x', pinned('b')), signal)).rejects.toMatchObject({ kind: 'unavailable' });
      fleet.link('a').attach();
      fleet.link('b').detach();
      await expect(provisioner.create(wish('x', inOrder('c', 'b')), signal)).rejects.toMatchObject({
        kind: 'unavailable',
        message: expect.stringContaining('node b'),
      });
      expect(nodes.map(({ volumes }) => volumes.size)).toEqual([left ? 1 : 0, 1, 0]);
    },
  );

  test('is made where the topology says while the node that it was given to does not report it', async () => {
    nodes[0].volumes.delete(id);
    nodes[0].given.set(id, b);
    restart();
    expect(await provisioner.create(wish('x', pinned('b')), signal)).toMatchObject({ id: 'b:x', node: b });
  });

  test.each([
    ['the node that it was born on', 'a'],
    ['the node that has it', 'b'],
  ])('is not called absent while %s is disconnected', async (_which, node) => {
    give('superseded');
    fleet.link(node).detach();
    const refused = { kind: 'unavailable', message: expect.stringContaining(`node ${node}`) };
    await expect(provisioner.get(id, signal)).rejects.toMatchObject(refused);
    await expect(provisioner.remove(id, signal)).rejects.toMatchObject(refused);
    expect(nodes[1].volumes.has(id)).toBe(true);
  });

  test('is deleted by a second call after the node that it was born on was cut off during the first', async () => {
    give();
    nodes[1].interrupt = async (operation, when) => {
      if (operation !== 'remove' || when !== 'after') return;
      nodes[1].interrupt = async () => undefined;
      fleet.link('a').detach();
    };
    await expect(provisioner.remove(id, signal)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(nodes[0].given.size).toBe(1);
    fleet.link('a').attach();
    await provisioner.remove(id, signal);
    expect(nodes[0].given.size).toBe(0);
  });

  test('is found where the node that it was born on is gone for good', async () => {
    give();
    fleet.link('a').detach();
    gone.add('a');
    await provisioner.tidy(signal);
    expect(await provisioner.get(id, signal)).toMatchObject({ node: b });
    for (const where of [anywhere, pinned('b')]) {
      expect(await provisioner.create(wish('x', where), signal)).toMatchObject({ id, node: b });
    }
    await provisioner.remove(id, signal);
    expect(nodes[1].volumes.size).toBe(0);
  });

  test('is not looked for along a chain of records', async () => {
    give();
    nodes[1].given.set(id, c);
    await expect(provisioner.get(id, signal)).rejects.toMatchObject({ kind: 'unavailable' });
  });
});

describe('a claim that the node of birth does not confirm', () => {
  test('counts for nothing', async () => {
    put(nodes[2]);
    expect(await provisioner.get(id, signal)).toMatchObject({ node: a });
    expect(listed()).toEqual(['a:x on a']);
    await provisioner.remove(id, signal);
    await expect(provisioner.get(id, signal)).rejects.toMatchObject({ kind: 'not-found' });
    expect(listed()).toEqual([]);
    nodes[2].interrupt = () => new Promise(() => undefined);
    expect(await provisioner.create(wish('x', pinned('a')), signal)).toMatchObject({ id, node: a });
  });

  test('is not listed where the volume was given to another node', () => {
    give();
    put(nodes[0]);
    put(nodes[2]);
    expect(listed()).toEqual(['a:x on b']);
  });
});

describe('a role other than the volume', () => {
  test.each(['arriving', 'leaving', 'superseded', 'replica'] as const)(
    '%s is not listed, and has no topology',
    async (role) => {
      put(nodes[0], role);
      expect(listed()).toEqual([]);
      const refused = { kind: 'unavailable', message: expect.stringContaining(role) };
      await expect(provisioner.get(id, signal)).rejects.toMatchObject(refused);
      await expect(provisioner.create(wish('x', pinned('a')), signal)).rejects.toMatchObject(refused);
      give();
      put(nodes[1], role);
      expect(listed()).toEqual([]);
      await expect(provisioner.get(id, signal)).rejects.toMatchObject(refused);
      await expect(provisioner.create(wish('x'), signal)).rejects.toMatchObject(refused);
    },
  );
});
