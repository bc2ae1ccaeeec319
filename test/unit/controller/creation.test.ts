import { beforeEach, describe, expect, test } from 'vitest';
import type { Provisioner } from '../../../src/controller/provisioner.ts';
import { noLifecycle } from '../../../src/controller/node-registry.ts';
import { MiB } from '../../../src/domain/bytes.ts';
import { Failure } from '../../../src/domain/errors.ts';
import type { PoolName } from '../../../src/domain/ids.ts';
import { parseParameters } from '../../../src/domain/parameters.ts';
import type { MemoryFleet } from '../../support/memory-fleet.ts';
import { emptyPool, type MemoryStorage, thickSpec } from '../../support/memory-storage.ts';
import { anywhere, controllerOf, inOrder, nodesOf, pinned, wish } from './wishes.ts';

const { signal } = new AbortController();
let nodes: MemoryStorage[];
let fleet: MemoryFleet;
let provisioner: Provisioner;

beforeEach(() => {
  nodes = nodesOf({ a: 128, b: 256, c: 512 });
  ({ fleet, provisioner } = controllerOf(nodes));
});

const create = (...args: Parameters<typeof wish>) => provisioner.create(wish(...args), signal);
const volumesOf = (index: number) => [...(nodes[index]?.inventory().volumes.keys() ?? [])];
const everywhere = () => nodes.flatMap((_node, index) => volumesOf(index));

describe('a creation goes', () => {
  test('to the most room, or to the least that is enough', async () => {
    expect((await create('x')).node).toBe('c');
    provisioner = controllerOf(nodes, { packing: 'pack' }).provisioner;
    expect((await create('y')).node).toBe('a');
    expect((await create('z', anywhere, { size: { required: 250n * MiB } })).node).toBe('b');
  });

  test('elsewhere than other creations whose volumes no inventory shows yet', async () => {
    ({ provisioner } = controllerOf(nodesOf({ a: 512, b: 512, c: 512 })));
    const made = await Promise.all(Array.from({ length: 6 }, (_, index) => create(`at-once-${index}`)));
    expect(made.map(({ node }) => node).toSorted()).toEqual(['a', 'a', 'b', 'b', 'c', 'c']);
    // A volume that was made counts once, in the inventory.
    expect((await create('x')).node).toBe('a');
  });

  test('to the first preferred node that has the room', async () => {
    expect((await create('x', inOrder('b', 'c', 'a'))).node).toBe('b');
    expect((await create('y', inOrder('a', 'b', 'c'), { size: { required: 200n * MiB } })).node).toBe('c');
  });

  test('on to the next node when one answers that it has no room', async () => {
    fleet.link('c').lagging = true;
    nodes[2]?.putPool(emptyPool(thickSpec('fast'), 4n * MiB));
    expect((await create('x')).node).toBe('b');
    const full = { kind: 'exhausted', message: expect.stringContaining('node c: pool fast can hold') };
    await expect(create('y', pinned('c'))).rejects.toMatchObject(full);
    // The node has answered: its later state does not matter.
    fleet.link('c').detach();
    expect((await create('y', pinned('b'))).node).toBe('b');
  });

  test('to a node that has room which is not known here yet', async () => {
    fleet.link('a').lagging = true;
    nodes[0]?.putPool(emptyPool(thickSpec('fast'), 1024n * MiB));
    expect((await create('x', pinned('a'), { size: { required: 1024n * MiB } })).node).toBe('a');
  });

  test('nowhere when none has the room, with the reason of each', async () => {
    const failed = create('x', anywhere, { size: { required: 1024n * MiB } });
    await expect(failed).rejects.toMatchObject({ kind: 'exhausted' });
    const { message } = (await failed.catch((error: unknown) => error)) as Failure;
    for (const node of ['a', 'b', 'c']) expect(message).toContain(`node ${node}: `);
    ({ provisioner } = controllerOf(nodesOf(Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`n${i}`, 4])))));
    const bounded = (await create('x').catch((error: unknown) => error)) as Failure;
    expect(bounded.message).toContain('and 492 nodes more');
    expect(bounded.message.length).toBeLessThan(2500);
  });

  test('to no node that lacks the pool, which is a mistake only where none has it', async () => {
    const slow = { parameters: parseParameters({ pool: 'slow' }) };
    await expect(create('x', anywhere, slow)).rejects.toMatchObject({
      kind: 'invalid',
      message: 'parameters: there is no pool "slow"; known: fast',
    });
    nodes[0]?.putPool(emptyPool(thickSpec('slow'), 128n * MiB));
    expect((await create('x', inOrder('c', 'b', 'a'), slow)).node).toBe('a');
    await expect(create('y', pinned('c'), slow)).rejects.toMatchObject({ kind: 'exhausted' });
    fleet.link('b').detach();
    await expect(create('z', pinned('c'), { parameters: parseParameters({ pool: 'none' }) })).rejects.toMatchObject({
      kind: 'exhausted',
    });
  });

  test('nowhere when every node objects to the class', async () => {
    const thin = { parameters: parseParameters({ type: 'thin' }) };
    await expect(create('x', anywhere, thin)).rejects.toMatchObject({ kind: 'invalid' });
    const between = { size: { required: 5n * MiB, limit: 7n * MiB } };
    await expect(create('x', anywhere, between)).rejects.toMatchObject({ kind: 'out-of-range' });
  });

  test('to no node outside of the topology', async () => {
    await expect(create('x', pinned('z'))).rejects.toMatchObject({ kind: 'exhausted' });
    ({ provisioner } = controllerOf([]));
    await expect(create('x')).rejects.toMatchObject({ kind: 'unavailable' });
  });
});

describe('the same name', () => {
  test('is the same volume when the topology prefers another node by now', async () => {
    const made = await create('x', inOrder('a', 'b'));
    expect(await create('x', inOrder('b', 'a'))).toEqual(made);
    expect(await create('x')).toEqual(made);
    expect(everywhere()).toEqual(['a:x']);
  });

  test('is refused where the topology leaves the volume out', async () => {
    await create('x', pinned('a'));
    await expect(create('x', pinned('b'))).rejects.toMatchObject({ kind: 'exists' });
    await expect(create('x', anywhere, { size: { required: 128n * MiB } })).rejects.toMatchObject({ kind: 'exists' });
    expect(everywhere()).toEqual(['a:x']);
  });

  test('is free again when the node says that its volume is gone', async () => {
    await create('x', pinned('a'));
    fleet.link('a').lagging = true;
    fleet.link('a').report();
    await nodes[0]?.remove(volumesOf(0)[0] as never, signal);
    expect((await create('x', pinned('b'))).node).toBe('b');
  });

  test('is not made on another node while the one that has it is disconnected, or its pool is not ready', async () => {
    await create('x', pinned('a'));
    fleet.link('a').detach();
    const refused = { kind: 'unavailable', message: expect.stringContaining('node a') };
    await expect(create('x')).rejects.toMatchObject(refused);
    await expect(create('x', pinned('b'))).rejects.toMatchObject(refused);
    fleet.link('a').attach();
    nodes[0]?.loseReadiness('fast' as PoolName, 'its disk is gone');
    await expect(create('x', inOrder('b', 'a'))).rejects.toMatchObject(refused);
    expect(everywhere()).toEqual(['a:x']);
  });

  test.each([
    ['has it', () => undefined],
    ['has it and does not answer', () => nodes[2] && (nodes[2].interrupt = () => new Promise(() => undefined))],
    ['had it, and is disconnected', () => fleet.link('c').detach()],
  ])('is made where the topology says, though a node outside of it reports that it %s', async (_how, trouble) => {
    await controllerOf(nodes).provisioner.create(wish('x', pinned('c')), signal);
    trouble();
    expect((await create('x', pinned('b'))).node).toBe('b');
    expect((await create('x', inOrder('b', 'a'))).node).toBe('b');
  });

  test('on two nodes is refused, with both nodes', async () => {
    await create('x', pinned('a'));
    await controllerOf(nodes.slice(1)).provisioner.create(wish('x', pinned('b')), signal);
    await expect(create('x')).rejects.toMatchObject({ kind: 'exists', message: expect.stringContaining('nodes a, b') });
    expect(everywhere()).toEqual(['a:x', 'b:x']);
  });

  test('is refused while its creation is in flight here', async () => {
    const first = create('x', pinned('a'));
    await expect(create('x', pinned('b'))).rejects.toMatchObject({ kind: 'busy' });
    expect((await first).node).toBe('a');
  });
});

describe('a creation whose node is disconnected', () => {
  /** Cuts the node off while it creates, before or after it did. */
  function cutDuring(node: string, moment: 'before' | 'after'): void {
    const storage = nodes.find((each) => each.node === node) as MemoryStorage;
    storage.interrupt = async (operation, when) => {
      if (operation !== 'create' || when !== moment) return;
      storage.interrupt = async () => undefined;
      fleet.link(node).detach();
      // A node that is cut off before it acts never acts.
      if (moment === 'before') throw new Failure('unavailable', 'died');
    };
  }

  test.each(['before', 'after'] as const)(
    '(%s it acted) is not sent elsewhere until the node has spoken',
    async (moment) => {
      cutDuring('c', moment);
      const refused = { kind: 'unavailable', message: expect.stringContaining('node c') };
      await expect(create('x')).rejects.toMatchObject(refused);
      await expect(create('x')).rejects.toMatchObject(refused);
      await expect(create('x', inOrder('a', 'b', 'c'))).rejects.toMatchObject(refused);
      expect(everywhere()).toEqual(moment === 'before' ? [] : ['c:x']);
      fleet.link('c').attach();
      expect((await create('x', inOrder('a', 'b', 'c'))).node).toBe('c');
      expect(everywhere()).toEqual(['c:x']);
    },
  );

  test('goes elsewhere when the node comes back without it and without room', async () => {
    cutDuring('c', 'before');
    await expect(create('x')).rejects.toMatchObject({ kind: 'unavailable' });
    nodes[2]?.putPool(emptyPool(thickSpec('fast'), 4n * MiB));
    fleet.link('c').attach();
    expect((await create('x')).node).toBe('b');
  });

  test('goes elsewhere when the topology leaves the node out and the node says that it has nothing', async () => {
    cutDuring('c', 'before');
    await expect(create('x')).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(create('x', pinned('a'))).rejects.toMatchObject({ kind: 'unavailable' });
    fleet.link('c').attach();
    expect((await create('x', pinned('a'))).node).toBe('a');
  });

  test('waits for the pool that was away, where its volume is there again', async () => {
    const [node] = nodes;
    if (node) node.interrupt = async (_operation, when) => fleet.link('a')[when === 'after' ? 'detach' : 'report']();
    await expect(create('x', pinned('a'))).rejects.toMatchObject({ kind: 'unavailable' });
    if (node) node.interrupt = async () => undefined;
    node?.vanish('fast' as PoolName);
    fleet.link('a').attach();
    fleet.link('a').lagging = true;
    node?.comeBack('fast' as PoolName);
    await expect(create('x', pinned('a'))).rejects.toMatchObject({ kind: 'unavailable' });
    fleet.link('a').lagging = false;
    expect((await create('x', pinned('a'))).id).toBe('a:x');
  });

  test('goes elsewhere when the node is gone for good', async () => {
    const gone = new Set<string>();
    const lifecycle = { ...noLifecycle, nodeGone: (node: string) => gone.has(node) };
    ({ fleet, provisioner } = controllerOf(nodes, { lifecycle }));
    cutDuring('c', 'after');
    await expect(create('x')).rejects.toMatchObject({ kind: 'unavailable' });
    gone.add('c');
    expect((await create('x')).node).toBe('b');
  });
});

describe('a volume that a disconnected node may hold', () => {
  test('holds up a creation that is not bound to other nodes', async () => {
    fleet.link('a').detach();
    const refused = { kind: 'unavailable', message: expect.stringContaining('node a') };
    await expect(create('x')).rejects.toMatchObject(refused);
    await expect(create('x', inOrder('a', 'b'))).rejects.toMatchObject(refused);
    await expect(create('x', pinned('a'))).rejects.toMatchObject(refused);
    expect(everywhere()).toEqual([]);
  });

  test('does not hold up a creation that another node would have got first', async () => {
    fleet.link('a').detach();
    expect((await create('x', inOrder('b', 'a'))).node).toBe('b');
    expect((await create('y', pinned('c'))).node).toBe('c');
  });

  test('holds up a creation also before the node has attached for the first time', async () => {
    const lives = { ...noLifecycle, awaits: (node?: string) => node !== undefined };
    ({ fleet, provisioner } = controllerOf(nodes, { lifecycle: lives }));
    const link = fleet.forget('a');
    await expect(create('x', inOrder('a', 'b'))).rejects.toMatchObject({ kind: 'unavailable' });
    fleet.join(link);
    expect((await create('x', inOrder('a', 'b'))).node).toBe('a');
    ({ provisioner } = controllerOf(nodes, { lifecycle: { ...noLifecycle, awaits: () => true } }));
    await expect(create('y')).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/still connecting/),
    });
    expect((await create('y', pinned('b'))).node).toBe('b');
  });

  test('does not hold up a creation where the node is known to lack the pool', async () => {
    nodes[1]?.putPool(emptyPool(thickSpec('slow'), 128n * MiB));
    fleet.link('a').detach();
    expect((await create('x', anywhere, { parameters: parseParameters({ pool: 'slow' }) })).node).toBe('b');
  });
});
