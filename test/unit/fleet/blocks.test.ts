import { beforeEach, expect, test } from 'vitest';
import type { Extent } from '../../../src/domain/changed-blocks.ts';
import { Failure } from '../../../src/domain/errors.ts';
import type { SnapshotId } from '../../../src/domain/ids.ts';
import type { Snapshots } from '../../../src/domain/snapshot.ts';
import { MemoryStorage } from '../../support/memory-storage.ts';
import { attached, controller, never, node } from './harness.ts';

const query = { snapshot: 'a:snap-2' as SnapshotId, base: 'a:snap-1' as SnapshotId, from: 65_536n };
const extents = (from: number, count: number): Extent[] =>
  Array.from({ length: count }, (_, index) => ({ start: BigInt(from + index) * 131_072n, length: 65_536n }));

let storage: MemoryStorage;
let remote: Snapshots;
beforeEach(async () => {
  const running = await controller();
  storage = new MemoryStorage('a', []);
  node(storage, [running.port]);
  remote = (await attached(running, 'a')).storage.snapshots;
});
const all = async (lists: AsyncIterable<readonly Extent[]>) => (await Array.fromAsync(lists)).flat();

test('the blocks of a snapshot come from its node, as many as there are', async () => {
  const asked: unknown[] = [];
  storage.snapshots.blocks = async function* (what) {
    asked.push(what);
    for (let at = 0; at < 60; at += 1) yield extents(1 + at * 100, 100);
  };
  expect(await all(remote.blocks(query, never))).toEqual(extents(1, 6000));
  expect(await all(remote.blocks({ ...query, base: undefined }, never))).toHaveLength(6000);
  expect(asked).toEqual([query, { ...query, base: undefined }]);
});

test('a reader that leaves ends the work of the node', async () => {
  const ended = Promise.withResolvers<void>();
  storage.snapshots.blocks = async function* () {
    try {
      for (let at = 1; ; at += 1024) yield extents(at, 1024);
    } finally {
      ended.resolve();
    }
  };
  for await (const _ of remote.blocks(query, never)) break;
  await ended.promise;
});

test('the failure of a node ends the list', async () => {
  storage.snapshots.blocks = async function* () {
    yield extents(1, 2);
    throw new Failure('precondition', 'the snapshot is thick');
  };
  const lists = remote.blocks(query, never)[Symbol.asyncIterator]();
  expect((await lists.next()).value).toEqual(extents(1, 2));
  await expect(lists.next()).rejects.toMatchObject({ kind: 'precondition', message: 'the snapshot is thick' });
});

test.each([
  [
    'overlap',
    [
      { start: 65_536n, length: 65_536n },
      { start: 65_536n, length: 65_536n },
    ],
  ],
  ['begin before the offset', [{ start: 0n, length: 1n }]],
  ['are empty', [{ start: 65_536n, length: 0n }]],
  ['end beyond any volume', [{ start: 2n ** 63n - 1n, length: 1n }]],
])('blocks that %s are no answer', async (_what, list) => {
  storage.snapshots.blocks = async function* () {
    yield list;
  };
  await expect(all(remote.blocks(query, never))).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('cannot be used'),
  });
});
