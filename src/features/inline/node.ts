import type { NodeContext, NodePart } from '../../app/feature.ts';
import { createRepeater } from '../../concurrency/repeater.ts';
import { messageOf } from '../../domain/errors.ts';
import { removeAbandoned } from './abandoned.ts';

/** Milliseconds between two looks for inline volumes whose pod is gone. A look reads one folder for each inline volume. */
const lookAgain = 30_000;

/** Looks for them once the pools are ready, and then again and again. */
export function createInlinePart({ inline, devices, log }: NodeContext): NodePart {
  const stopping = new AbortController();
  let ready = false;
  const looks = createRepeater({
    task: async () => {
      if (ready) await removeAbandoned({ ...inline, devices, log }, stopping.signal);
    },
    every: lookAgain,
    delay: 0,
    failed: (error) =>
      log.warn({ reason: messageOf(error) }, 'inline volumes of pods that are gone cannot be looked for'),
  });
  return {
    async ready() {
      ready = true;
      looks.now();
    },
    async stop() {
      stopping.abort();
      await looks.stop();
    },
  };
}
