import { createRepeater, type Repeater, type RepeaterOptions } from './repeater.ts';

/** A repeater whose callers can wait for a run. */
export interface AwaitableRepeater extends Repeater {
  /** Starts a run as soon as possible and waits for it; returns whether it succeeded. */
  attempt(): Promise<boolean>;
}

/** Idle until asked, like a repeater. After `stop`, attempts resolve with false. */
export function createAwaitableRepeater({ task, ...options }: RepeaterOptions): AwaitableRepeater {
  let waiting: ((done: boolean) => void)[] = [];
  let stopped = false;
  const repeater = createRepeater({
    ...options,
    task: async () => {
      const served = waiting;
      waiting = [];
      let done = false;
      try {
        await task();
        done = true;
      } finally {
        for (const answer of served) answer(done);
      }
    },
  });
  return {
    now: () => repeater.now(),
    soon: () => repeater.soon(),
    async attempt() {
      if (stopped) return false;
      const { promise, resolve } = Promise.withResolvers<boolean>();
      waiting.push(resolve);
      repeater.now();
      return promise;
    },
    async stop() {
      stopped = true;
      await repeater.stop();
      for (const answer of waiting) answer(false);
    },
  };
}
