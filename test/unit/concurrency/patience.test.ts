import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createPatience } from '../../../src/concurrency/patience.ts';
import { pendingOf } from '../../../src/domain/errors.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

const never = new Promise<string>(() => undefined);
const unavailable = (text: RegExp) =>
  expect.objectContaining({ kind: 'unavailable', message: expect.stringMatching(text) });

/** The error of a task that hangs until its deadline. */
async function giveUp(work: Promise<unknown>): Promise<unknown> {
  const failure = work.catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(100);
  return failure;
}

test('returns the result of the task, or throws its error', async () => {
  const patience = createPatience();
  expect(await patience.run('a', 'a read', 100, async () => 'read')).toBe('read');
  await expect(patience.run('a', 'a read', 100, () => Promise.reject(new Error('EIO')))).rejects.toThrow('EIO');
});

test('gives up on a task at its deadline, and remembers it until it ends', async () => {
  const patience = createPatience();
  const late = Promise.withResolvers<string>();
  const failure = await giveUp(patience.run('a', 'a read of a', 100, () => late.promise));
  expect(failure).toEqual(unavailable(/a read of a did not end within 100 ms/));
  expect(patience.hanging()).toMatchObject([{ what: 'a read of a' }]);
  await expect(patience.run('a', 'another read', 100, async () => 'x')).rejects.toEqual(
    unavailable(/a read of a still hangs/),
  );
  expect(await patience.run('b', 'a read of b', 100, async () => 'b')).toBe('b');
  late.resolve('late');
  await pendingOf(failure);
  expect(patience.hanging()).toEqual([]);
  expect(await patience.run('a', 'a read of a', 100, async () => 'a')).toBe('a');
});

test('runs a limited number of tasks at once, and one per key', async () => {
  const patience = createPatience({ most: 2 });
  const begun: string[] = [];
  const reads = ['a', 'a', 'b', 'c', 'd'].map((key) =>
    patience.run(key, `a read of ${key}`, 100, () => {
      begun.push(key);
      return never;
    }),
  );
  const outcomes = Promise.allSettled(reads);
  await vi.advanceTimersByTimeAsync(100);
  expect((await outcomes).map(({ status }) => status)).toEqual(reads.map(() => 'rejected'));
  expect(begun).toEqual(['a', 'b']);
});

test('runs a waiting task when another has ended', async () => {
  const patience = createPatience({ most: 1 });
  const first = Promise.withResolvers<string>();
  const both = ['a', 'b'].map((key) =>
    patience.run(key, key, 100, () => (key === 'a' ? first.promise : Promise.resolve(key))),
  );
  first.resolve('a');
  expect(await Promise.all(both)).toEqual(['a', 'b']);
});

test('starts no task while so many hang that no thread would be left', async () => {
  const patience = createPatience({ most: 2 });
  for (const key of ['a', 'b']) await giveUp(patience.run(key, `a read of ${key}`, 100, () => never));
  let tried = false;
  const third = patience.run('c', 'a read of c', 100, async () => (tried = true));
  await expect(third).rejects.toEqual(unavailable(/a read of a, a read of b hang/));
  expect(tried).toBe(false);
});

/** Devices of the groups `a`, `b` and so on, such as `a1`. */
const byLetter = { groupOf: (key: string) => key.slice(0, 1) };

test('two disks that hang delay only their own devices', async () => {
  const patience = createPatience(byLetter);
  for (const key of ['a1', 'a2', 'b1', 'b2']) await giveUp(patience.run(key, `a read of ${key}`, 100, () => never));
  let tried = false;
  const third = patience.run('a3', 'a read of a3', 100, async () => (tried = true));
  await expect(third).rejects.toEqual(unavailable(/a read of a1, a read of a2 hang on the same disks/));
  expect(tried).toBe(false);
  expect(await patience.run('c1', 'a read of c1', 100, async () => 'c1')).toBe('c1');
  expect(patience.hanging()).toHaveLength(4);
});

test('the other devices of a group continue one by one while one device hangs', async () => {
  const patience = createPatience(byLetter);
  await giveUp(patience.run('a1', 'a read of a1', 100, () => never));
  let most = 0;
  let now = 0;
  const reads = ['a2', 'a3', 'a4'].map((key) =>
    patience.run(key, `a read of ${key}`, 100, async () => {
      most = Math.max(most, ++now);
      await Promise.resolve();
      now -= 1;
      return key;
    }),
  );
  expect(await Promise.all(reads)).toEqual(['a2', 'a3', 'a4']);
  expect(most).toBe(1);
});

test('tasks that wait in one group do not delay another group', async () => {
  const patience = createPatience(byLetter);
  const work = Promise.withResolvers<string>();
  const busy = ['a1', 'a2', 'a3'].map((key) => patience.run(key, key, 100, () => work.promise));
  expect(await patience.run('b1', 'b1', 100, async () => 'b1')).toBe('b1');
  work.resolve('read');
  expect(await Promise.all(busy)).toEqual(['read', 'read', 'read']);
});
