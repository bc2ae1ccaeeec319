import { Failure } from '../domain/errors.ts';
import { timeout } from './timeout.ts';

/** Work that was given up at its deadline and has not ended. */
export interface HangingWork {
  readonly what: string;
  /** Milliseconds since the epoch at which it was given up. */
  readonly since: number;
}

/** Waits for work that cannot be ended, such as a read of a device that hangs. */
export interface Patience {
  /**
   * Work is known by a key, such as the path of the device, and waits for its turn: one at a time for a key, and so much at once. Throws
   * `unavailable` at the deadline; from then on at once for that key, until the work ends, and for every key while as much hangs as may.
   */
  run<T>(key: string, what: string, deadline: number, task: () => Promise<T>): Promise<T>;
  hanging(): readonly HangingWork[];
}

/** @param most pieces of work at once, since each may come to hang: each keeps one of the four threads that Node has for files */
export function createPatience(most = 2): Patience {
  const running = new Map<string, Promise<void>>();
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
      using late = timeout(deadline, 'late' as const);
      refuse(key, what);
      while (running.has(key) || running.size >= most) {
        if ((await Promise.race([...running.values(), late.promise])) === 'late') {
          throw new Failure('unavailable', `${what} was not tried: others did not end within ${deadline} ms`);
        }
        refuse(key, what);
      }
      const work = task();
      const end = (): void => {
        running.delete(key);
        hanging.delete(key);
      };
      const pending = work.then(end, end);
      running.set(key, pending);
      const outcome = await Promise.race([work.then((value) => ({ value })), late.promise]);
      if (outcome !== 'late') return outcome.value;
      hanging.set(key, { what, since: Date.now() });
      throw new Failure('unavailable', `${what} did not end within ${deadline} ms`, { pending });
    },
  };
}
