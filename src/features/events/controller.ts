import type { ControllerContext, Part } from '../../app/feature.ts';
import { createAbortableRepeater } from '../../concurrency/abortable-repeater.ts';
import { messageOf } from '../../domain/errors.ts';
import { AttentionEvents } from './attention-events.ts';

/** Milliseconds between two looks at what needs attention. */
const lookAgain = 30_000;

/** `undefined` without Kubernetes. */
export function createEventsPart({
  fleet,
  events,
  persistentVolumes: claims,
  refusedReservations,
  log,
}: ControllerContext): Part | undefined {
  if (!events || !claims) return undefined;
  const attention = new AttentionEvents({ fleet, events, claims, refusedReservations });
  return createAbortableRepeater({
    task: (signal) => attention.look(signal),
    every: lookAgain,
    failed: (error) => log.warn({ reason: messageOf(error) }, 'events cannot be sent'),
  });
}
