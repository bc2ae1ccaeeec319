import { Failure, pendingOf } from '../domain/errors.ts';

/**
 * One holder a key. Taking is synchronous: nothing can come between the check and the take. A key that is held is refused
 * at once, because CSI wants ABORTED for a second operation on a volume, not a queue.
 */
export function createLocks(): {
  take(key: string, operation: string): Disposable;
  /**
   * Runs the task while it holds the key. Keeps the key while a program that the task gave up still runs, because that may still change
   * what the key stands for.
   */
  hold<T>(key: string, operation: string, task: () => Promise<T>): Promise<T>;
  /** The operation that holds the key now. */
  holder(key: string): string | undefined;
} {
  const held = new Map<string, string>();
  const take = (key: string, operation: string): Disposable => {
    const holder = held.get(key);
    if (holder !== undefined) {
      throw new Failure('busy', `${holder} is in progress for ${key}; ${operation} was not started: try again`);
    }
    held.set(key, operation);
    return { [Symbol.dispose]: () => void held.delete(key) };
  };
  return {
    take,
    holder: (key) => held.get(key),
    async hold(key, operation, task) {
      const lock = take(key, operation);
      let running: Promise<unknown> | undefined;
      try {
        return await task();
      } catch (error) {
        running = pendingOf(error);
        throw error;
      } finally {
        if (running) void running.finally(() => lock[Symbol.dispose]());
        else lock[Symbol.dispose]();
      }
    },
  };
}
