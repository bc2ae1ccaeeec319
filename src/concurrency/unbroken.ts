import { Failure } from '../domain/errors.ts';

/** Work that starts from the beginning when it is cut off, or leaves something half made: a stop waits for it to end. */
export interface Unbroken {
  /** Throws `unavailable` once a stop was asked for: nothing begins that the stop would have to wait for as well. */
  run<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Names of what runs now. */
  running(): readonly string[];
  /** From now on nothing begins. Resolves when nothing runs. */
  stop(): Promise<void>;
}

/** `stop` has no deadline: work that never ends keeps it waiting. */
export function createUnbroken(): Unbroken {
  const current = new Map<Promise<unknown>, string>();
  let stopping = false;
  return {
    async run(name, work) {
      if (stopping) throw new Failure('unavailable', `${name} does not begin now: the driver is stopping; try again`);
      const running = work();
      current.set(running, name);
      try {
        return await running;
      } finally {
        current.delete(running);
      }
    },
    running: () => [...current.values()],
    async stop() {
      stopping = true;
      await Promise.allSettled(current.keys());
    },
  };
}
