import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Provisioner } from '../../../src/controller/provisioner.ts';
import { noLifecycle } from '../../../src/controller/node-registry.ts';
import { MiB } from '../../../src/domain/bytes.ts';
import type { NodeName, PoolName } from '../../../src/domain/ids.ts';
import { parseParameters } from '../../../src/domain/parameters.ts';
import type { MemoryFleet } from '../../support/memory-fleet.ts';
import { emptyPool, type MemoryStorage, thickSpec } from '../../support/memory-storage.ts';
import { anywhere, controllerOf, nodesOf, pinned, wish } from './wishes.ts';

const { signal } = new AbortController();
const change = { limits: { readIops: { fixed: 100n } }, reservations: {} };
let gone: Set<string>;
let nodes: MemoryStorage[];
let fleet: MemoryFleet;
let provisioner: Provisioner;

beforeEach(() => {
  gone = new Set();
  nodes = nodesOf({ a: 128, b: 256, c: 512 });
  const lifecycle = { ...noLifecycle, nodeGone: (node: NodeName) => gone.has(node) };
  ({ fleet, provisioner } = controllerOf(nodes, { lifecycle }));
});

const make = (name: string, node: string) => provisioner.create(wish(name, pinned(node)), signal);

describe('an operation on a volume', () => {
  test('is done by the node of its id', async () => {
    const { id } = await make('x', 'b');
    expect((await provisioner.expand(id, { required: 128n * MiB }, signal)).size).toBe(128n * MiB);
    expect((await provisioner.modify(id, change, signal)).qos.limits).toEqual(change.limits);
    expect(await provisioner.get(id, signal)).toMatchObject({ node: 'b', size: 128n * MiB });
    await provisioner.remove(id, signal);
    expect(nodes[1]?.inventory().volumes.size).toBe(0);
    await provisioner.remove(id, signal);
    await expect(provisioner.get(id, signal)).rejects.toMatchObject({ kind: 'not-found' });
  });

  test.each(['disconnected', 'unknown'])('waits for a node that is %s', async (how) => {
    const { id } = await make('x', 'b');
    if (how === 'disconnected') fleet.link('b').detach();
    else fleet.forget('b');
    const refused = { kind: 'unavailable', message: expect.stringContaining('node b') };
    await expect(provisioner.remove(id, signal)).rejects.toMatchObject(refused);
    await expect(provisioner.get(id, signal)).rejects.toMatchObject(refused);
    await expect(provisioner.expand(id, { required: MiB }, signal)).rejects.toMatchObject(refused);
    await expect(provisioner.modify(id, change, signal)).rejects.toMatchObject(refused);
    expect(nodes[1]?.inventory().volumes.size).toBe(1);
  });

  test('is done by no node for an id that Quarry never issued', async () => {
    await provisioner.remove('not ours', signal);
    for (const call of [
      provisioner.get('not ours', signal),
      provisioner.expand('not ours', { required: MiB }, signal),
      provisioner.modify('not ours', change, signal),
    ]) {
      await expect(call).rejects.toMatchObject({ kind: 'not-found' });
    }
  });

  test('succeeds without a node where that is gone for good', async () => {
    const { id } = await make('x', 'b');
    gone.add('b');
    expect(await provisioner.get(id, signal)).toMatchObject({ id });
    fleet.link('b').detach();
    await provisioner.remove(id, signal);
    await expect(provisioner.get(id, signal)).rejects.toMatchObject({ kind: 'not-found' });
    expect(provisioner.list('', 0)).toEqual([]);
    // The node comes back: its volume was not deleted.
    fleet.link('b').attach();
    expect(provisioner.list('', 0)).toMatchObject([{ id }]);
  });
});

describe('the list', () => {
  test('has the volumes of disconnected nodes as last reported', async () => {
    await make('x', 'a');
    await make('y', 'b');
    fleet.link('b').detach();
    expect(provisioner.list('', 0).map(({ id }) => id)).toEqual(['a:x', 'b:y']);
  });

  test('follows nodes that join and are forgotten', async () => {
    const links = ['a', 'c'].map((node) => fleet.forget(node));
    await make('y', 'b');
    expect(provisioner.list('', 0).map(({ id }) => id)).toEqual(['b:y']);
    for (const link of links.toReversed()) fleet.join(link);
    await make('x', 'a');
    await make('z', 'c');
    expect(provisioner.list('', 0).map(({ id }) => id)).toEqual(['a:x', 'b:y', 'c:z']);
    fleet.forget('b');
    expect(provisioner.list('', 0).map(({ id }) => id)).toEqual(['a:x', 'c:z']);
  });

  test('is in the order of ids on every page, for any nodes and volumes', () =>
    fc.assert(
      fc.asyncProperty(
        fc.dictionary(
          fc.stringMatching(/^[ab]([-.0a]{0,2}[ab])?$/),
          fc.uniqueArray(
            fc.stringMatching(/^[ab.]{1,2}$/).filter((name) => name !== '.' && name !== '..'),
            { maxLength: 5 },
          ),
          { maxKeys: 6 },
        ),
        fc.integer({ min: 1, max: 4 }),
        async (shape, size) => {
          const made = nodesOf(Object.fromEntries(Object.keys(shape).map((node) => [node, 1024])));
          for (const storage of made) {
            const own = controllerOf([storage]).provisioner;
            for (const name of shape[storage.node] ?? []) await own.create(wish(name), signal);
          }
          const all = made.flatMap((storage) => [...storage.inventory().volumes.keys()]).sort();
          ({ provisioner } = controllerOf(made));
          expect(provisioner.list('', 0).map(({ id }) => id)).toEqual(all);
          const seen: string[] = [];
          for (let more = true; more && seen.length <= all.length;) {
            const page = provisioner.list(seen.at(-1) ?? '', size);
            seen.push(...page.slice(0, size).map(({ id }) => id));
            more = page.length > size;
          }
          expect(seen).toEqual(all);
        },
      ),
    ));
});

describe('capacity', () => {
  const inFast = parseParameters({ pool: 'fast' });

  test('of a node is the largest volume that it can make', async () => {
    await make('x', 'b');
    const room = 192n * MiB;
    expect(provisioner.capacity(inFast, pinned('b'))).toEqual({ largest: room, total: room, unit: 4n * MiB });
  });

  test('of all nodes is the largest that one can make, and the sum of those', () => {
    expect(provisioner.capacity(inFast, anywhere)).toEqual({ largest: 512n * MiB, total: 896n * MiB, unit: 4n * MiB });
  });

  test('is none on a node that is disconnected, unknown, or cannot serve such a class', () => {
    const nothing = { largest: 0n, total: 0n, unit: 0n };
    fleet.link('a').detach();
    nodes[1]?.loseReadiness('fast' as PoolName, 'no disk');
    for (const node of ['a', 'b', 'z']) expect(provisioner.capacity(inFast, pinned(node))).toEqual(nothing);
    expect(provisioner.capacity(parseParameters({ pool: 'slow' }), pinned('c'))).toEqual(nothing);
    expect(provisioner.capacity(parseParameters({ type: 'thin' }), pinned('c'))).toEqual(nothing);
    expect(provisioner.capacity(inFast, { requisite: new Set(), preferred: [] })).toEqual(nothing);
    expect(provisioner.capacity(inFast, anywhere).total).toBe(512n * MiB);
  });

  test('for encrypted volumes leaves out a node that cannot encrypt, and so do creations', async () => {
    const encrypted = parseParameters({ pool: 'fast', encryption: 'luks2' });
    const before = provisioner.capacity(encrypted, pinned('c')).total;
    expect(before).toBeGreaterThan(0n);
    for (const node of nodes.filter((each) => each.node !== 'a'))
      node.putPool({ ...node.pools.get('fast' as PoolName)!, encryptionProblem: 'it has no cryptsetup' });
    expect(provisioner.capacity(encrypted, pinned('c')).total).toBe(0n);
    expect(provisioner.capacity(inFast, pinned('c')).total).toBe(512n * MiB);
    const made = await provisioner.create(wish('x', anywhere, { parameters: encrypted }), signal);
    expect(made.node).toBe('a');
    const there = provisioner.create(wish('y', pinned('c'), { parameters: encrypted }), signal);
    await expect(there).rejects.toMatchObject({
      kind: 'exhausted',
      message: expect.stringContaining('node c: it can have no encrypted volume: it has no cryptsetup') as string,
    });
  });

  test('for volumes with integrity leaves out a node whose kernel has none, and counts their codes', () => {
    const encrypted = parseParameters({ pool: 'fast', encryption: 'luks2' });
    const coded = parseParameters({ pool: 'fast', encryption: 'luks2', encryptionIntegrity: 'hmac-sha256' });
    const total = (parameters: typeof coded) => provisioner.capacity(parameters, pinned('c')).total;
    expect(total(coded)).toBeGreaterThan(0n);
    expect(total(coded)).toBeLessThan(total(encrypted) - 8n * MiB);
    for (const node of nodes)
      node.putPool({ ...node.pools.get('fast' as PoolName)!, integrityProblem: 'its kernel has no dm-integrity' });
    expect(total(coded)).toBe(0n);
    expect(total(encrypted)).toBeGreaterThan(0n);
  });

  test('counts what the class reserves', () => {
    const budget = { rates: { readIops: 1000n }, reservable: 100, unreserved: {} };
    nodes[0]?.putPool(emptyPool(thickSpec('fast', { budget }), 128n * MiB));
    const reserving = parseParameters({ reservedReadIops: '600' });
    expect(provisioner.capacity(reserving, anywhere).total).toBe(128n * MiB);
    nodes[0]?.putPool(emptyPool(thickSpec('fast', { budget: { ...budget, reservable: 50 } }), 128n * MiB));
    expect(provisioner.capacity(reserving, anywhere).total).toBe(0n);
  });
});
