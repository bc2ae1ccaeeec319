import { setFlagsFromString } from 'node:v8';
import { setImmediate as turn } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Extent } from '../../../src/domain/changed-blocks.ts';
import { Failure } from '../../../src/domain/errors.ts';
import type { SnapshotId } from '../../../src/domain/ids.ts';
import type { FakeThinPool } from './fake-thin-pool.ts';
import { failure } from '../node/calls.ts';
import { fakeStorage } from './fake-storage.ts';

const block = 65_536n;
const size = 100n * block;
const { signal } = new AbortController();
const idOf = (name: string) => `node-1:snap-${name}` as SnapshotId;
const contents = (...blocks: number[]) => new Map(blocks.map((at) => [at, `first ${at}`]));

let made: ReturnType<typeof fakeStorage>;
let kernel: FakeThinPool;
beforeEach(async () => {
  made = fakeStorage();
  ({ kernel } = made);
  const tags = new Set(['quarry.v=1', 'quarry.role=thin-pool']);
  made.lvm.volumes.set('thinpool', { size: 512n, tags, row: { lv_attr: 'twi-aotz--', thin_id: '' } });
  await snapshot('a', 1, contents(1, 2, 3, 7));
  await snapshot('b', 2, new Map([...contents(1, 3, 7, 50), [2, 'second']]));
});

/** A snapshot of the volume `x`, with that id in the thin pool; a thick one without. */
async function snapshot(name: string, thinId: number | undefined, blocks: ReadonlyMap<number, string>): Promise<void> {
  const tags = ['v=1', 'role=snapshot', `id=${idOf(name)}`, `name=${name}`, 'source=node-1:x', 'fs=none', 'taken=1'];
  const thick = { lv_attr: 'sri-a-s---', origin: 'x', origin_size: String(size), thin_id: '' };
  const thin = { lv_attr: 'Vwi---tz-k', pool_lv: 'thinpool', thin_id: String(thinId) };
  const row = thinId === undefined ? thick : thin;
  const lv = { size, tags: new Set(tags.map((tag) => `quarry.${tag}`)), row };
  made.lvm.volumes.set(`snap-${name}`, lv);
  if (thinId !== undefined) kernel.devices.set(thinId, blocks);
  await made.cache.refresh();
}

const blocks = (name: string, base?: string, from = 0n, end = signal) =>
  made.storage.snapshots.blocks({ snapshot: idOf(name), base: base === undefined ? base : idOf(base), from }, end);
const all = async (lists: AsyncIterable<readonly Extent[]>) => (await Array.fromAsync(lists)).flat();
const extent = (start: number, count: number) => ({ start: BigInt(start) * block, length: BigInt(count) * block });
const tagsOfPool = () => [...(made.lvm.volumes.get('thinpool')?.tags ?? [])];
const mark = 'quarry.metadata-snapshot=reserved';
const expectFree = () => {
  expect(kernel.held).toBeUndefined();
  expect(tagsOfPool()).not.toContain(mark);
  expect(kernel.running).toBe(0);
};

describe('the blocks of a snapshot', () => {
  test('are all that it has, and those that differ from another', async () => {
    expect(await all(blocks('a'))).toEqual([extent(1, 3), extent(7, 1)]);
    expect(await all(blocks('b', 'a'))).toEqual([extent(2, 1), extent(50, 1)]);
    expect(await all(blocks('a', 'b'))).toEqual([extent(2, 1), extent(50, 1)]);
    expectFree();
  });

  test('begin at the offset, and end with the snapshot', async () => {
    expect(await all(blocks('a', undefined, 2n * block + 1n))).toEqual([
      { start: 2n * block + 1n, length: 2n * block - 1n },
      extent(7, 1),
    ]);
    await snapshot('c', 3, contents(99, 100, 101));
    expect(await all(blocks('c'))).toEqual([extent(99, 1)]);
    expect(await all(blocks('c', undefined, size))).toEqual([]);
  });

  test('of an encrypted volume count from the end of its header', async () => {
    const header = 16n * 1024n * 1024n;
    await snapshot('e', 4, contents(0, Number(header / block), Number(header / block) + 2));
    const lv = made.lvm.volumes.get('snap-e');
    lv?.tags.add('quarry.encryption=luks2/aes-xts-plain64/512/67108864/');
    if (lv) lv.size = header + 3n * block;
    await made.cache.refresh();
    expect(await all(blocks('e'))).toEqual([extent(0, 1), extent(2, 1)]);
    expect(await all(blocks('e', undefined, block))).toEqual([extent(2, 1)]);
  });

  test('of a volume with integrity are refused: its codes are between them', async () => {
    await snapshot('i', 5, contents(0));
    made.lvm.volumes.get('snap-i')?.tags.add('quarry.encryption=luks2/aes-xts-plain64/512/67108864//hmac-sha256/4096');
    await made.cache.refresh();
    expect(await failure('precondition', all(blocks('i')))).toContain('encryptionIntegrity: copy all of it');
  });

  test('are right for any contents and any offset', () => {
    const content = fc.dictionary(fc.nat(99).map(String), fc.constantFrom('x', 'y'));
    const toMap = (of: Record<string, string>) =>
      new Map(
        Object.entries(of)
          .map(([at, what]) => [Number(at), what] as const)
          .sort(([a], [b]) => a - b),
      );
    return fc.assert(
      fc.asyncProperty(content, content, fc.bigInt(0n, size), async (before, after, from) => {
        kernel.devices.set(1, toMap(before)).set(2, toMap(after));
        const covered = (extents: readonly Extent[]) =>
          extents.flatMap(({ start, length }) => [start, start + length]).join();
        const wanted = (differs: (at: string) => boolean) => {
          const parts: Extent[] = [];
          for (let at = 0n; at < 100n; at += 1n) {
            const [start, end] = [at * block < from ? from : at * block, (at + 1n) * block];
            if (!differs(String(at)) || start >= end) continue;
            const last = parts.at(-1);
            if (last && last.start + last.length === start)
              parts[parts.length - 1] = { ...last, length: end - last.start };
            else parts.push({ start, length: end - start });
          }
          return covered(parts);
        };
        expect(covered(await all(blocks('b', undefined, from)))).toBe(wanted((at) => at in after));
        expect(covered(await all(blocks('b', 'a', from)))).toBe(wanted((at) => before[at] !== after[at]));
      }),
      { numRuns: 50 },
    );
  });

  test('are refused for one that does not exist, or is thick', async () => {
    await snapshot('thick', undefined, contents());
    await expect(all(blocks('absent'))).rejects.toMatchObject({ kind: 'not-found' });
    await expect(all(blocks('a', 'absent'))).rejects.toMatchObject({ kind: 'not-found' });
    await expect(all(blocks('thick'))).rejects.toMatchObject({ kind: 'precondition' });
    await expect(all(blocks('a', 'thick'))).rejects.toMatchObject({ kind: 'precondition' });
    expect(kernel.reserved).toBe(0);
  });

  test('of a million extents take little memory', async () => {
    const extents = 1_000_000;
    kernel.longDump = extents;
    Object.assign(made.lvm.volumes.get('snap-a') ?? {}, { size: 1024n * BigInt(extents) });
    await made.cache.refresh();
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const used = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = used();
    let [count, most] = [0, 0];
    for await (const list of blocks('a')) {
      const growth = count % 262_144 === 0 ? used() - before : 0;
      count += list.length;
      most = Math.max(most, growth);
      expect(list.length).toBeLessThanOrEqual(1024);
    }
    expect(count).toBe(extents);
    // The extents in one list would take more than 100 MB.
    expect(most).toBeLessThan(24_000_000);
  });
});

describe('the metadata snapshot', () => {
  test('is recorded before it is reserved, and until it is released', async () => {
    const seen: string[] = [];
    kernel.beforeMessage = async (message) => void seen.push(`${message} ${tagsOfPool().includes(mark)}`);
    await all(blocks('a'));
    expect(seen).toEqual(['reserve_metadata_snap true', 'release_metadata_snap true']);
    expectFree();
  });

  test('is released when the reader leaves, when a call is cancelled, and when the tool fails', async () => {
    for await (const _ of blocks('a')) break;
    expectFree();
    const control = new AbortController();
    kernel.beforeLine = async () => control.signal.throwIfAborted();
    const cancelled = blocks('a', undefined, 0n, control.signal);
    control.abort(new Failure('cancelled', 'the caller gave up'));
    await expect(all(cancelled)).rejects.toMatchObject({ kind: 'cancelled' });
    expectFree();
    kernel.beforeLine = async () => {
      throw new Failure('unavailable', 'thin_dump ended with exit code 1');
    };
    await expect(all(blocks('a'))).rejects.toMatchObject({ kind: 'unavailable' });
    expectFree();
  });

  test('of another program is left alone, and the call says so', async () => {
    kernel.held = new Map();
    await expect(all(blocks('a'))).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('another program has reserved it'),
    });
    expect(kernel.held).toBeDefined();
    expect(tagsOfPool()).not.toContain(mark);
    await made.thinMetadata.snapshots.settle();
    expect(kernel.held).toBeDefined();
  });

  test('that cannot be reserved leaves no mark', async () => {
    kernel.beforeMessage = async () => {
      throw new Failure('unavailable', 'the pool is read-only');
    };
    await expect(all(blocks('a'))).rejects.toMatchObject({ message: 'the pool is read-only' });
    expectFree();
  });

  test.each([true, false])('of an earlier process is released at the start (reserved: %s)', async (reserved) => {
    made.lvm.volumes.get('thinpool')?.tags.add(mark);
    if (reserved) kernel.held = new Map();
    await made.cache.refresh();
    await made.thinMetadata.snapshots.settle();
    expectFree();
  });

  test('of an earlier process is replaced by a call before that', async () => {
    made.lvm.volumes.get('thinpool')?.tags.add(mark);
    kernel.held = new Map();
    expect(await all(blocks('a'))).toEqual([extent(1, 3), extent(7, 1)]);
    expectFree();
  });

  test('that could not be released is released at the next look', async () => {
    kernel.beforeMessage = async (message) => {
      if (message.startsWith('release')) throw new Failure('unavailable', 'no answer');
    };
    expect(await all(blocks('a'))).toHaveLength(2);
    expect(tagsOfPool()).toContain(mark);
    kernel.beforeMessage = async () => undefined;
    await made.cache.refresh();
    await made.thinMetadata.snapshots.settle();
    expectFree();
  });

  test('is shared by calls at once, and is not released at a look', async () => {
    const gate = Promise.withResolvers<void>();
    kernel.beforeLine = () => gate.promise;
    const calls = Promise.all([all(blocks('a')), all(blocks('b', 'a'))]);
    await vi.waitUntil(() => kernel.running === 2);
    await made.cache.refresh();
    await made.thinMetadata.snapshots.settle();
    expect(kernel.held).toBeDefined();
    gate.resolve();
    expect(await calls).toEqual([
      [extent(1, 3), extent(7, 1)],
      [extent(2, 1), extent(50, 1)],
    ]);
    expect(kernel.reserved).toBe(1);
    expectFree();
  });

  test('is made again for a snapshot that is newer than it, after its users', async () => {
    const gate = Promise.withResolvers<void>();
    kernel.beforeLine = () => gate.promise;
    const first = all(blocks('a'));
    await vi.waitUntil(() => kernel.running === 1);
    await snapshot('c', 3, contents(4));
    const newer = all(blocks('c'));
    await turn();
    // It could share with the first one, which would then never end while such calls come.
    const later = all(blocks('b'));
    await turn();
    expect([kernel.reserved, kernel.running]).toEqual([1, 1]);
    gate.resolve();
    expect(await newer).toEqual([extent(4, 1)]);
    expect([await first, await later]).toEqual([
      [extent(1, 3), extent(7, 1)],
      [extent(1, 3), extent(7, 1), extent(50, 1)],
    ]);
    expect(kernel.reserved).toBe(2);
    expectFree();
  });
});
