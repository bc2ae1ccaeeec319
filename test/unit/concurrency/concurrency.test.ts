import { Failure } from '../../../src/domain/errors.ts';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLocks } from '../../../src/concurrency/locks.ts';
import { createQueue } from '../../../src/concurrency/queue.ts';
import { createRepeater } from '../../../src/concurrency/repeater.ts';

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('locks', () => {
  test('a key stays locked while work of a failed operation continues', async () => {
    const locks = createLocks();
    const program = Promise.withResolvers<void>();
    const cause = new Failure('unavailable', 'umount cannot be killed', { pending: program.promise });
    const failed = locks.hold('a', 'NodeUnstageVolume', async () => {
      throw new Failure('unavailable', 'still mounted', { cause });
    });
    await expect(failed).rejects.toThrow('still mounted');
    await expect(locks.hold('a', 'NodeStageVolume', async () => 1)).rejects.toMatchObject({ kind: 'busy' });
    program.resolve();
    await vi.waitUntil(() => locks.holder('a') === undefined);
    expect(await locks.hold('a', 'NodeStageVolume', async () => 1)).toBe(1);
  });

  test('a key is free after a failure that left no work', async () => {
    const locks = createLocks();
    await expect(locks.hold('a', 'DeleteVolume', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(locks.holder('a')).toBeUndefined();
  });

  test('locks synchronously, and refuses a second operation with the name of the first', () => {
    const locks = createLocks();
    const held = locks.acquire('a', 'CreateVolume');
    expect(() => locks.acquire('a', 'DeleteVolume')).toThrow(
      expect.objectContaining({ kind: 'busy', message: expect.stringContaining('CreateVolume is in progress for a') }),
    );
    locks.acquire('b', 'DeleteVolume')[Symbol.dispose]();
    held[Symbol.dispose]();
    using _again = locks.acquire('a', 'DeleteVolume');
  });
});

describe('a queue', () => {
  test('runs the tasks of a key one at a time and in order, also after failures', async () => {
    const tasks = fc.array(fc.record({ key: fc.constantFrom('a', 'b'), fails: fc.boolean(), turns: fc.nat(3) }));
    await fc.assert(
      fc.asyncProperty(tasks, async (plan) => {
        const queue = createQueue();
        const running = new Set<string>();
        const order: Record<string, number[]> = { a: [], b: [] };
        const ends = plan.map(({ key, fails, turns }, index) =>
          queue.run(key, undefined, async () => {
            expect(running.has(key)).toBe(false);
            running.add(key);
            order[key]?.push(index);
            for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
            running.delete(key);
            if (fails) throw new Error(`${index}`);
            return index;
          }),
        );
        for (const [index, end] of (await Promise.allSettled(ends)).entries()) {
          expect(end.status).toBe(plan[index]?.fails ? 'rejected' : 'fulfilled');
        }
        for (const indexes of Object.values(order)) expect(indexes).toEqual([...indexes].sort((a, b) => a - b));
      }),
    );
  });

  test('never starts a task whose caller gave up while it waited', async () => {
    const queue = createQueue();
    const first = Promise.withResolvers<void>();
    const controller = new AbortController();
    const started = vi.fn<() => Promise<void>>(async () => undefined);
    const blocking = queue.run('a', undefined, () => first.promise);
    const waiting = queue.run('a', controller.signal, started);
    const behind = queue.run('a', undefined, async () => 'ran');
    controller.abort();
    first.resolve();
    await blocking;
    await expect(waiting).rejects.toMatchObject({ kind: 'cancelled' });
    expect(started).not.toHaveBeenCalled();
    expect(await behind).toBe('ran');
  });

  test('runs tasks of different keys at the same time', async () => {
    const queue = createQueue();
    const first = Promise.withResolvers<void>();
    const blocking = queue.run('a', undefined, () => first.promise);
    expect(await queue.run('b', undefined, async () => 'ran')).toBe('ran');
    first.resolve();
    await blocking;
  });
});

describe('a repeater', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  const elapse = async (milliseconds: number) => {
    vi.advanceTimersByTime(milliseconds);
    await settled();
  };

  test('pauses after a run in proportion to its duration', async () => {
    let time = 0;
    const task = vi.fn<() => Promise<void>>(async () => void (time += 30));
    const repeater = createRepeater({ task, delay: 10, pause: 2, failed: () => undefined, now: () => time });
    repeater.soon();
    await elapse(10);
    repeater.soon();
    await elapse(59);
    expect(task).toHaveBeenCalledTimes(1);
    await elapse(1);
    expect(task).toHaveBeenCalledTimes(2);
  });

  test('joins many calls in one run, and calls during the run in another', async () => {
    const run = Promise.withResolvers<void>();
    const task = vi.fn<() => Promise<void>>(() => run.promise);
    const repeater = createRepeater({ task, delay: 10, failed: () => undefined });
    for (let index = 0; index < 5; index += 1) repeater.soon();
    await elapse(9);
    expect(task).toHaveBeenCalledTimes(0);
    await elapse(1);
    expect(task).toHaveBeenCalledTimes(1);
    repeater.soon();
    repeater.soon();
    await elapse(100);
    expect(task).toHaveBeenCalledTimes(1);
    run.resolve();
    await settled();
    await elapse(10);
    expect(task).toHaveBeenCalledTimes(2);
    await elapse(1000);
    expect(task).toHaveBeenCalledTimes(2);
  });

  test('continues after a failure, at the interval after the end of a run', async () => {
    const failed = vi.fn<(error: unknown) => void>();
    const task = vi.fn<() => Promise<void>>(() => Promise.reject(new Error('broken')));
    const repeater = createRepeater({ task, every: 100, delay: 10, failed });
    await elapse(100);
    await elapse(100);
    expect(failed).toHaveBeenCalledTimes(2);
    await repeater.stop();
  });

  test('starts no run after a stop, which waits for the run in flight', async () => {
    const run = Promise.withResolvers<void>();
    const task = vi.fn<() => Promise<void>>(() => run.promise);
    const repeater = createRepeater({ task, every: 10, delay: 10, failed: () => undefined });
    repeater.now();
    await elapse(0);
    let stopped = false;
    const stop = repeater.stop().then(() => (stopped = true));
    await settled();
    expect(stopped).toBe(false);
    run.resolve();
    await stop;
    repeater.now();
    repeater.soon();
    await elapse(1000);
    expect(task).toHaveBeenCalledTimes(1);
  });
});
