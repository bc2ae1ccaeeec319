import { Failure } from '../domain/errors.ts';

/** Work that was given up at its deadline and has not ended. */
export interface HangingWork {
  readonly what: string;
  /** Milliseconds since the epoch at which it was given up. */
  readonly since: number;
}

/** Waits for work that cannot be ended, such as a read of a device that hangs. */
export interface Patience {
  /**
   * Work is known by a key, such as the path of the device. Throws `unavailable` at the deadline; from then on at once for that key, until
   * the work ends, and for every key while as much hangs as may.
   */
  run<T>(key: string, what: string, deadline: number, task: () => Promise<T>): Promise<T>;
  hanging(): readonly HangingWork[];
}

/** @param most pieces of work that may hang at once: each keeps one of the four threads that Node has for files */
export function createPatience(most = 2): Patience {
  const hanging = new Map<string, HangingWork>();
  const refuse = (key: string, what: string): void => {
    const before = hanging.get(key);
    if (before) throw new Failure('unavailable', `${what} was not tried: ${before.what} still hangs`);
    if (hanging.size < most) return;
    const others = [...hanging.values()].map((work) => work.what).join(', ');
    throw new Failure('unavailable', `${what} was not tried: ${others} hang, and no thread is left for another`);
  };
  return {
    hanging: () => [...hanging.values()],
    async run(key, what, deadline, task) {
      refuse(key, what);
      const work = task();
      const expired = Promise.withResolvers<never>();
      const timer = setTimeout(() => {
        hanging.set(key, { what, since: Date.now() });
        const end = (): void => void hanging.delete(key);
        const pending = work.then(end, end);
        expired.reject(new Failure('unavailable', `${what} did not end within ${deadline} ms`, { pending }));
      }, deadline);
      try {
        return await Promise.race([work, expired.promise]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
