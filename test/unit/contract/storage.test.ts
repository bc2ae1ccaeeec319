import { beforeEach, describe, expect, test, vi } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import type { LvName, NodeName, PoolName, VolumeId } from '../../../src/domain/ids.ts';
import { volumeIdFor } from '../../../src/domain/ids.ts';
import { defaultLayout, type PoolSpec } from '../../../src/domain/pool.ts';
import { noQos } from '../../../src/domain/qos.ts';
import type { Storage } from '../../../src/domain/storage.ts';
import type { VolumeSpec } from '../../../src/domain/volume.ts';
import { emptyPool, MemoryStorage } from '../../support/memory-storage.ts';
import { attached, controller, node as dial } from '../fleet/harness.ts';
import { FakeLvm, spec as plain } from '../lvm/fake-lvm.ts';
import { fakeStorage } from '../lvm/fake-storage.ts';

// The services rely on this behaviour of every storage: over LVM, of another machine, and in memory (used in other tests).

const { signal } = new AbortController();
const node = 'node-1' as NodeName;
const spec: PoolSpec = {
  ...plain,
  budget: { rates: { readIops: 1000n }, reservable: 50, unreserved: {} },
};
const layout = defaultLayout(spec, 'thick');

function wish(name: string, size = 8n * MiB, change: Partial<VolumeSpec> = {}): VolumeSpec {
  return { name, pool: spec.name, layout, size: { required: size }, mkfsOptions: [], qos: noQos, ...change };
}

const idOf = (name: string) => volumeIdFor(node, name as LvName);
const reserve = (readIops: bigint) => ({ limits: {}, reservations: { readIops: { fixed: readIops } } });

interface Made {
  readonly storage: Storage;
  /** Calls that begin from now on wait for `until`. */
  readonly hold: (until: Promise<void>) => void;
  /** Records that the volume was given to node-2. */
  readonly give: (id: VolumeId) => Promise<unknown>;
}

async function local(): Promise<Made> {
  const lvm = new FakeLvm();
  const { cache, storage } = fakeStorage({ lvm, pool: spec });
  await cache.refresh();
  const give = (id: VolumeId) => {
    lvm.groupTags.add(`quarry.given=${id}/node-2`);
    return cache.refresh();
  };
  return { storage, give, hold: (until) => void (lvm.beforeAnswer = () => until) };
}

/** The storage over LVM that a controller reaches over TLS and a stream that the node has dialled. */
async function remote(): Promise<Made> {
  const [running, { storage, hold, give }] = [await controller(), await local()];
  dial(storage, [running.port]);
  return { storage: (await attached(running, node)).storage, hold, give };
}

async function inMemory(): Promise<Made> {
  const storage = new MemoryStorage(node, [emptyPool(spec, 1024n * MiB)]);
  const give = async (id: VolumeId) => storage.given.set(id, 'node-2' as NodeName);
  return { storage, give, hold: (until) => void (storage.interrupt = () => until) };
}

describe.each<[string, () => Promise<Made>]>([
  ['over LVM', local],
  ['over LVM of another machine', remote],
  ['in memory', inMemory],
])('a storage %s', (_name, make) => {
  let storage: Storage;
  let hold: Made['hold'];
  let give: Made['give'];
  beforeEach(async () => {
    ({ storage, hold, give } = await make());
  });
  const free = () => storage.inventory().pools.get(spec.name)?.free;

  test('creates one volume per name, also for repeated calls', async () => {
    const made = await storage.create(wish('a', 9n * MiB), signal);
    expect(made).toMatchObject({ id: idOf('a'), node, name: 'a', pool: spec.name, size: 12n * MiB, state: 'ready' });
    expect(await storage.create(wish('a', 9n * MiB), signal)).toEqual(made);
    expect(await storage.find(made.id, signal)).toEqual(made);
    expect([...storage.inventory().volumes.values()]).toEqual([made]);
    expect(free()).toBe(1012n * MiB);
  });

  test.each<[string, Partial<VolumeSpec>]>([
    ['a larger one', { size: { required: 13n * MiB } }],
    ['a smaller one', { size: { required: 0n, limit: 4n * MiB } }],
    ['other options', { mkfsOptions: ['-q'] }],
    ['another layout', { layout: { type: 'thick', stripes: 1, stripeSize: 65_536n, mirrors: 1 } }],
  ])('refuses %s under the same name', async (_what, change) => {
    await storage.create(wish('a'), signal);
    await expect(storage.create(wish('a', 8n * MiB, change), signal)).rejects.toMatchObject({ kind: 'exists' });
  });

  test('refuses for lack of space, an impossible size or an unknown pool, and creates nothing', async () => {
    await expect(storage.create(wish('a', 1025n * MiB), signal)).rejects.toMatchObject({ kind: 'exhausted' });
    const between = { size: { required: 5n * MiB, limit: 7n * MiB } };
    await expect(storage.create(wish('a', 0n, between), signal)).rejects.toMatchObject({ kind: 'out-of-range' });
    const elsewhere = { pool: 'other' as PoolName };
    await expect(storage.create(wish('a', 8n * MiB, elsewhere), signal)).rejects.toMatchObject({ kind: 'invalid' });
    expect(await storage.find(idOf('a'), signal)).toBeUndefined();
    expect(free()).toBe(1024n * MiB);
  });

  test('names the node that a volume was given to, until it is gone from there', async () => {
    const { id } = await storage.create(wish('a'), signal);
    await give(id);
    await vi.waitUntil(() => storage.inventory().given.get(id) === 'node-2');
    const elsewhere = { kind: 'elsewhere', node: 'node-2' };
    await expect(storage.find(id, signal)).rejects.toMatchObject(elsewhere);
    await expect(storage.create(wish('a'), signal)).rejects.toMatchObject(elsewhere);
    await expect(storage.remove(id, signal)).rejects.toMatchObject(elsewhere);
    await expect(storage.remove(id, signal, 'node-3' as NodeName)).rejects.toMatchObject(elsewhere);
    await storage.remove(id, signal, 'node-2' as NodeName);
    expect(await storage.find(id, signal)).toBeUndefined();
    await vi.waitUntil(() => storage.inventory().given.size === 0 && storage.inventory().volumes.size === 0);
  });

  test('removes a volume, and accepts the removal of a missing one', async () => {
    const { id } = await storage.create(wish('a'), signal);
    await storage.remove(id, signal);
    await storage.remove(id, signal);
    expect(await storage.find(id, signal)).toBeUndefined();
    expect(storage.inventory().volumes.size).toBe(0);
    expect(free()).toBe(1024n * MiB);
  });

  test('grows a volume within its pool, and never shrinks it', async () => {
    const { id } = await storage.create(wish('a'), signal);
    expect((await storage.expand(id, { required: 13n * MiB }, signal)).size).toBe(16n * MiB);
    expect((await storage.expand(id, { required: 4n * MiB }, signal)).size).toBe(16n * MiB);
    const least = { required: 4n * MiB, limit: 12n * MiB };
    await expect(storage.expand(id, least, signal)).rejects.toMatchObject({ kind: 'out-of-range' });
    await expect(storage.expand(id, { required: 1028n * MiB }, signal)).rejects.toMatchObject({ kind: 'exhausted' });
    expect(storage.inventory().volumes.get(id)?.size).toBe(16n * MiB);
    expect(free()).toBe(1008n * MiB);
  });

  test('reserves no more than the budget of the pool', async () => {
    const { id } = await storage.create(wish('a'), signal);
    const modified = await storage.modify(id, reserve(300n), signal);
    expect(modified.qos.reservations).toEqual({ readIops: { fixed: 300n } });
    expect(await storage.find(id, signal)).toEqual(modified);
    const qos = { ...noQos, ...reserve(300n) };
    await expect(storage.create(wish('b', 8n * MiB, { qos }), signal)).rejects.toMatchObject({ kind: 'exhausted' });
    await expect(storage.modify(id, reserve(501n), signal)).rejects.toMatchObject({ kind: 'exhausted' });
    expect((await storage.find(id, signal))?.qos).toEqual(modified.qos);
  });

  test('records that a volume is retained', async () => {
    const { id } = await storage.create(wish('a'), signal);
    expect(await storage.retain(id, signal)).toMatchObject({ id, retained: true });
    expect(await storage.retain(id, signal)).toEqual(await storage.find(id, signal));
    await expect(storage.retain(idOf('b'), signal)).rejects.toMatchObject({ kind: 'not-found' });
  });

  test('records the PersistentVolume of a volume, and replaces the record', async () => {
    const { id } = await storage.create(wish('a'), signal);
    for (const text of ['pv=one', 'pv=two&claim=x', 'pv=two&claim=x']) {
      expect(await storage.record(id, text, signal)).toMatchObject({ id, persistentVolume: text });
      expect((await storage.find(id, signal))?.persistentVolume).toBe(text);
      expect(storage.inventory().volumes.get(id)?.persistentVolume).toBe(text);
    }
    await expect(storage.record(idOf('b'), 'pv=one', signal)).rejects.toMatchObject({ kind: 'not-found' });
  });

  test('throws not-found for a volume that does not exist', async () => {
    expect(await storage.find(idOf('a'), signal)).toBeUndefined();
    await expect(storage.expand(idOf('a'), { required: MiB }, signal)).rejects.toMatchObject({ kind: 'not-found' });
    await expect(storage.modify(idOf('a'), reserve(1n), signal)).rejects.toMatchObject({ kind: 'not-found' });
  });

  test('refuses a second operation on a volume while one is in flight, but not on another volume', async () => {
    const gate = Promise.withResolvers<void>();
    hold(gate.promise);
    const calls = [
      storage.create(wish('a'), signal),
      storage.create(wish('b'), signal),
      storage.create(wish('a'), signal),
      storage.remove(idOf('a'), signal),
      storage.expand(idOf('a'), { required: 16n * MiB }, signal),
      storage.modify(idOf('a'), reserve(1n), signal),
    ];
    const busy = { status: 'rejected', reason: expect.objectContaining({ kind: 'busy' }) };
    const made = (name: string) => ({ status: 'fulfilled', value: expect.objectContaining({ name, qos: noQos }) });
    await Promise.allSettled(calls.slice(2));
    // The volume is not there yet, but it must not be reported as absent.
    await expect(storage.find(idOf('a'), signal)).rejects.toMatchObject({ kind: 'busy' });
    gate.resolve();
    expect(await Promise.allSettled(calls)).toEqual([made('a'), made('b'), busy, busy, busy, busy]);
  });
});
