import { Failure } from '../domain/errors.ts';

/** Runs tasks that must not be cut off, because they would start from the beginning or leave something half made. A stop waits for them. */
export interface Unbroken {
  /** Throws `unavailable` after `stop` was called, so that the stop waits for no further task. */
  run<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** The names of running tasks. */
  running(): readonly string[];
  /** Starts no further task; resolves when no task runs. */
  stop(): Promise<void>;
}

/** `stop` has no deadline: it waits as long as a task runs. */
export function createUnbroken(): Unbroken {
  const current = new Map<Promise<unknown>, string>();
  let stopping = false;
  return {
    async run(name, work) {
      if (stopping) throw new Failure('unavailable', `${name} was not started: the driver is stopping; try again`);
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
