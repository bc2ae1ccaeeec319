import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Provisioner } from '../../../src/controller/provisioner.ts';
import { MiB } from '../../../src/domain/bytes.ts';
import type { PoolName } from '../../../src/domain/ids.ts';
import type { MemoryFleet } from '../../support/memory-fleet.ts';
import { emptyPool, type MemoryStorage, thickSpec } from '../../support/memory-storage.ts';
import { controllerOf, inOrder, nodesOf, pinned, wish } from './wishes.ts';

const { signal } = new AbortController();
let nodes: MemoryStorage[];
let fleet: MemoryFleet;
let provisioner: Provisioner;

beforeEach(() => {
  nodes = nodesOf({ a: 128, b: 256 });
  ({ fleet, provisioner } = controllerOf(nodes));
});

const create = (...args: Parameters<typeof wish>) => provisioner.create(wish(...args), signal);
const everywhere = () => nodes.flatMap((node) => [...node.inventory().volumes.keys()]);

describe('RESOURCE_EXHAUSTED is answered, and another node chosen, only after the name was looked for', () => {
  const fast = 'fast' as PoolName;

  test.each(['one node', 'an order of nodes'])('on a node whose group is away (%s)', async (how) => {
    await create('x', pinned('a'));
    nodes[0]?.vanish(fast);
    const where = how === 'one node' ? pinned('a') : inOrder('a', 'b');
    const refused = { kind: 'unavailable', message: expect.stringContaining('group that is away') };
    await expect(create('x', where)).rejects.toMatchObject(refused);
    nodes[0]?.comeBack(fast);
    expect((await create('x', where)).node).toBe('a');
    expect(everywhere()).toEqual(['a:x']);
  });

  test('on a node whose pool is not ready, which can say that it has no such volume', async () => {
    nodes[0]?.loseReadiness(fast, 'no disk was approved');
    await expect(create('x', pinned('a'))).rejects.toMatchObject({ kind: 'exhausted' });
    expect((await create('x', inOrder('a', 'b'))).node).toBe('b');
  });

  test('on a full node that has it, which is not known here yet', async () => {
    nodes[0]?.putPool(emptyPool(thickSpec('fast'), 4n * MiB));
    fleet.link('a').report();
    fleet.link('a').lagging = true;
    nodes[0]?.putPool(emptyPool(thickSpec('fast'), 128n * MiB));
    await controllerOf(nodes).provisioner.create(wish('x', pinned('a')), signal);
    await expect(create('x', inOrder('a', 'b'))).rejects.toMatchObject({ kind: 'unavailable' });
    expect(everywhere()).toEqual(['a:x']);
  });

  test('on a node where a creation is in flight whose caller gave up', async () => {
    const [gate, began] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const storage = nodes[0] as MemoryStorage;
    storage.interrupt = async (operation) => {
      if (operation !== 'create') return;
      began.resolve();
      await gate.promise;
    };
    const caller = new AbortController();
    const abandoned = provisioner.create(wish('x', pinned('a')), caller.signal);
    await began.promise;
    caller.abort();
    await expect(abandoned).rejects.toMatchObject({ kind: 'cancelled' });
    // The scheduler's next choice must wait, on either controller.
    await expect(create('x', pinned('b'))).rejects.toMatchObject({ kind: 'busy' });
    await expect(controllerOf(nodes).provisioner.create(wish('x', pinned('a')), signal)).rejects.toMatchObject({
      kind: 'busy',
    });
    storage.interrupt = () => Promise.resolve();
    gate.resolve();
    await vi.waitFor(async () => expect((await create('x', pinned('a'))).node).toBe('a'));
    expect(everywhere()).toEqual(['a:x']);
  });
});
