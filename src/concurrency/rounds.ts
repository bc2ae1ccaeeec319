import { createRepeater, type Repeater, type RepeaterOptions } from './repeater.ts';

/** A repeater whose runs can be waited for. */
export interface Rounds extends Repeater {
  /** Resolves after a round that began later: whether it came to its end. */
  attempt(): Promise<boolean>;
}

/** Idle until asked, as a repeater is. After `stop`, attempts resolve with false. */
export function createRounds({ task, ...options }: RepeaterOptions): Rounds {
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
