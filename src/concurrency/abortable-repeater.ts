import { createRepeater } from './repeater.ts';

interface Options {
  readonly task: (signal: AbortSignal) => Promise<void>;
  /** Milliseconds from the end of one run to the next. */
  readonly every: number;
  /** Called when the task fails, except when it was aborted. */
  readonly failed: (error: unknown) => void;
}

/** Runs a task again and again from `start` on; `stop` aborts it. */
export function createAbortableRepeater({ task, every, failed }: Options) {
  const stopping = new AbortController();
  const repeater = createRepeater({
    task: () => task(stopping.signal),
    every,
    delay: 0,
    failed(error) {
      if (!stopping.signal.aborted) failed(error);
    },
  });
  return {
    start: () => repeater.now(),
    async stop() {
      stopping.abort();
      await repeater.stop();
    },
  };
}
