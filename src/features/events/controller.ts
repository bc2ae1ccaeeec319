import type { ControllerContext, Part } from '../../app/feature.ts';
import { createRepeater } from '../../concurrency/repeater.ts';
import { messageOf } from '../../domain/errors.ts';
import { AttentionEvents } from './attention-events.ts';

/** Milliseconds between two looks at what needs attention. */
const lookAgain = 30_000;

/** `undefined` without Kubernetes. */
export function createEventsPart({
  fleet,
  events,
  persistentVolumes: claims,
  log,
}: ControllerContext): Part | undefined {
  if (!events || !claims) return undefined;
  const stopping = new AbortController();
  const attention = new AttentionEvents({ fleet, events, claims });
  const looks = createRepeater({
    task: () => attention.look(stopping.signal),
    every: lookAgain,
    delay: 0,
    failed(error) {
      if (!stopping.signal.aborted) log.warn({ reason: messageOf(error) }, 'events cannot be sent');
    },
  });
  return {
    start: () => looks.now(),
    async stop() {
      stopping.abort();
      await looks.stop();
    },
  };
}
