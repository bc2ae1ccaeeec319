import { Failure, pendingOf } from '../domain/errors.ts';

/**
 * Locks with one holder per key. A lock is checked and acquired synchronously, so no other operation can get in between. A second
 * operation is refused at once and not queued, because CSI requires ABORTED.
 */
export function createLocks(): {
  acquire(key: string, operation: string): Disposable;
  /**
   * Runs the task with the key locked. If the task gave up on a program that still runs, the key stays locked until it ends, because the
   * program may still change the volume.
   */
  hold<T>(key: string, operation: string, task: () => Promise<T>): Promise<T>;
  /** The operation that holds the key; `undefined`: none. */
  holder(key: string): string | undefined;
} {
  const held = new Map<string, string>();
  const acquire = (key: string, operation: string): Disposable => {
    const holder = held.get(key);
    if (holder !== undefined) {
      throw new Failure('busy', `${holder} is in progress for ${key}; ${operation} was not started: try again`);
    }
    held.set(key, operation);
    return { [Symbol.dispose]: () => void held.delete(key) };
  };
  return {
    acquire,
    holder: (key) => held.get(key),
    async hold(key, operation, task) {
      const lock = acquire(key, operation);
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
