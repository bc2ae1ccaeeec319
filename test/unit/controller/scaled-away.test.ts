import { beforeEach, describe, expect, test } from 'vitest';
import type { Provisioner } from '../../../src/controller/provisioner.ts';
import { noLifecycle } from '../../../src/controller/node-registry.ts';
import { MiB } from '../../../src/domain/bytes.ts';
import { Failure } from '../../../src/domain/errors.ts';
import type { NodeName } from '../../../src/domain/ids.ts';
import { parseParameters } from '../../../src/domain/parameters.ts';
import type { MemoryFleet } from '../../support/memory-fleet.ts';
import type { MemoryStorage } from '../../support/memory-storage.ts';
import { anywhere, controllerOf, inOrder, nodesOf, pinned, wish } from './wishes.ts';

// A node that Kubernetes has deleted gets no new volume; its existing volumes are another decision.

const { signal } = new AbortController();
let deleted: Set<NodeName>;
let gone: Set<NodeName>;
let nodes: MemoryStorage[];
let fleet: MemoryFleet;
let provisioner: Provisioner;

beforeEach(() => {
  [deleted, gone] = [new Set(), new Set()];
  nodes = nodesOf({ a: 128, b: 256, c: 512 });
  const lifecycle = {
    nodeGone: (node: NodeName) => gone.has(node),
    nodeDeleted: (node: NodeName) => deleted.has(node),
    awaits: (node?: NodeName) => node !== undefined,
  };
  ({ fleet, provisioner } = controllerOf(nodes, { lifecycle }));
});

const create = (...args: Parameters<typeof wish>) => provisioner.create(wish(...args), signal);
const remove = (node: string): void => {
  fleet.link(node).detach();
  deleted.add(node as NodeName);
};
const members = () => fleet.members().map(({ node }) => node);

describe('a deleted node', () => {
  test('holds up no creation that it might have got', async () => {
    await create('on-c', pinned('c'));
    fleet.link('c').detach();
    await expect(create('x')).rejects.toMatchObject({ kind: 'unavailable' });
    deleted.add('c' as NodeName);
    expect((await create('x')).node).toBe('b');
    expect((await create('y', inOrder('c', 'a'))).node).toBe('a');
    // Of all codes this one makes Kubernetes choose another node.
    await expect(create('z', pinned('c'))).rejects.toMatchObject({ kind: 'exhausted' });
    await expect(create('z', anywhere, { parameters: parseParameters({ pool: 'none' }) })).rejects.toMatchObject({
      kind: 'invalid',
    });
  });

  test('keeps the volumes that it had, until they are to be forgotten', async () => {
    const { id } = await create('on-c', pinned('c'));
    remove('c');
    await provisioner.tidy(signal);
    expect(provisioner.list('', 0)).toMatchObject([{ id }]);
    await expect(provisioner.remove(id, signal)).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(create('on-c')).rejects.toMatchObject({ kind: 'unavailable' });
    gone.add('c' as NodeName);
    await provisioner.tidy(signal);
    await provisioner.remove(id, signal);
    expect(members()).toEqual(['a', 'b']);
  });

  test('is forgotten at once if it had none', async () => {
    await create('on-b', pinned('b'));
    for (const node of ['b', 'c']) remove(node);
    await provisioner.tidy(signal);
    expect(members()).toEqual(['a', 'b']);
  });

  test('that is connected is treated like any other', async () => {
    deleted.add('c' as NodeName);
    expect((await create('x')).node).toBe('c');
    await provisioner.tidy(signal);
    expect(members()).toEqual(['a', 'b', 'c']);
  });
});

describe('the controller remembers', () => {
  test('no node that was deleted without volumes, and a bounded number of the others, the newest', async () => {
    const many = Array.from({ length: 1200 }, (_, index) => [`n${index}`, 8] as const);
    nodes = nodesOf(Object.fromEntries(many));
    ({ fleet, provisioner } = controllerOf(nodes, {
      lifecycle: { ...noLifecycle, nodeDeleted: (node) => deleted.has(node) },
    }));
    for (const [index, { node }] of nodes.entries()) {
      if (index >= 100) await create(`on-${node}`, pinned(node), { size: { required: 4n * MiB } });
      fleet.link(node).since = index;
    }
    for (const { node } of nodes.slice(0, 1150)) remove(node);
    for (const { node } of nodes.slice(1150, 1175)) fleet.link(node).detach();
    await provisioner.tidy(signal);
    expect(members()).toEqual(nodes.slice(150).map(({ node }) => node));
  });

  test('no creation after its node was asked, also where the caller does not try again', async () => {
    const storage = nodes[2] as MemoryStorage;
    const interruptions = { made: 'after', lost: 'before' } as const;
    for (const [name, moment] of Object.entries(interruptions)) {
      storage.interrupt = async (operation, when) => {
        if (operation === 'create' && when === moment) throw new Failure('unavailable', 'it died');
      };
      await expect(create(name, pinned('c'))).rejects.toMatchObject({ kind: 'unavailable' });
    }
    storage.interrupt = async () => undefined;
    fleet.link('c').detach();
    await provisioner.tidy(signal);
    // Not asked yet: the name may be there.
    await expect(create('lost', pinned('b'))).rejects.toMatchObject({ kind: 'unavailable' });
    fleet.link('c').attach();
    await provisioner.tidy(signal);
    fleet.link('c').detach();
    expect((await create('lost', pinned('b'))).node).toBe('b');
    await expect(create('made', pinned('b'))).rejects.toMatchObject({ kind: 'unavailable' });
  });

  test('no room for a creation whose caller does not try again, once the node shows the volume', async () => {
    const storage = nodes[1] as MemoryStorage;
    storage.interrupt = async (operation, when) => {
      if (operation === 'create' && when === 'after') throw new Failure('unavailable', 'it died');
    };
    await expect(create('made', pinned('b'))).rejects.toMatchObject({ kind: 'unavailable' });
    storage.interrupt = async () => undefined;
    // b has room for 192 MiB now, and c for 172.
    await create('other', pinned('c'), { size: { required: 340n * MiB } });
    const [either, small] = [{ ...inOrder('b', 'c'), preferred: [] }, { size: { required: 4n * MiB } }];
    expect((await create('meanwhile', either, small)).node).toBe('c');
    await provisioner.tidy(signal);
    expect((await create('later', either, small)).node).toBe('b');
  });

  test('no creation on a node that was deleted', async () => {
    (nodes[2] as MemoryStorage).interrupt = async () => {
      throw new Failure('unavailable', 'it died');
    };
    await expect(create('x')).rejects.toMatchObject({ kind: 'unavailable' });
    remove('c');
    await provisioner.tidy(signal);
    expect((await create('x')).node).toBe('b');
  });
});
