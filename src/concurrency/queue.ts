import { Failure } from '../domain/errors.ts';

/** Runs the tasks of one key in order, one at a time; tasks of different keys run at the same time. */
export interface Queue {
  /** If the signal fires while the task waits, the task never starts and the call throws `cancelled`. */
  run<T>(key: string, signal: AbortSignal | undefined, task: () => Promise<T>): Promise<T>;
}

/** A queue in memory, for this process only. */
export function createQueue(): Queue {
  const tails = new Map<string, Promise<unknown>>();
  return {
    async run(key, signal, task) {
      const before = tails.get(key);
      const mine = (async () => {
        await before;
        if (signal?.aborted) throw new Failure('cancelled', 'the caller gave up before the operation started');
        return task();
      })();
      // A failed task must not fail the tasks behind it.
      const tail = mine.then(
        () => undefined,
        () => undefined,
      );
      tails.set(key, tail);
      try {
        return await mine;
      } finally {
        if (tails.get(key) === tail) tails.delete(key);
      }
    },
  };
}
