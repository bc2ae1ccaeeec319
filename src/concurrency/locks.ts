import { Failure } from '../domain/errors.ts';

/**
 * One holder a key. Taking is synchronous: nothing can come between the check and the take. A key that is held is refused
 * at once, because CSI wants ABORTED for a second operation on a volume, not a queue.
 */
export function createLocks(): {
  take(key: string, operation: string): Disposable;
  /** The operation that holds the key now. */
  holder(key: string): string | undefined;
} {
  const held = new Map<string, string>();
  return {
    holder: (key) => held.get(key),
    take(key, operation) {
      const holder = held.get(key);
      if (holder !== undefined) {
        throw new Failure('busy', `${holder} is in progress for ${key}; ${operation} was not started: try again`);
      }
      held.set(key, operation);
      return { [Symbol.dispose]: () => void held.delete(key) };
    },
  };
}
