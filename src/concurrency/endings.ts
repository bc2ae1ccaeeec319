import { timeout } from './timeout.ts';

/** Lets calls wait for work that ends in the background. */
export interface Endings {
  /** Call it when any of the work has ended. */
  announce(): void;
  /**
   * Returns what `look` finds, which is called at once and after each end. `undefined`: nothing was found within that many milliseconds, or the signal fired. Throws
   * what `look` throws.
   */
  waitFor<T>(look: () => T | undefined, milliseconds: number, signal: AbortSignal): Promise<T | undefined>;
}

/** Endings of which none has come. */
export function createEndings(): Endings {
  let next = Promise.withResolvers<void>();
  return {
    announce() {
      const ended = next;
      next = Promise.withResolvers();
      ended.resolve();
    },
    async waitFor(look, milliseconds, signal) {
      using late = timeout(milliseconds, 'late' as const);
      const { promise: gone, resolve } = Promise.withResolvers<'late'>();
      const leave = (): void => resolve('late');
      signal.addEventListener('abort', leave);
      try {
        for (;;) {
          const found = look();
          if (found !== undefined) return found;
          if (signal.aborted || (await Promise.race([next.promise, late.promise, gone])) === 'late') return undefined;
        }
      } finally {
        signal.removeEventListener('abort', leave);
      }
    },
  };
}
