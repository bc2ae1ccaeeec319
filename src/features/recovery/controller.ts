import type { ControllerContext, Part } from '../../app/feature.ts';
import { createAbortableRepeater } from '../../concurrency/abortable-repeater.ts';
import { messageOf } from '../../domain/errors.ts';
import { Recorder } from './recorder.ts';

/** Milliseconds between two looks for volumes whose PersistentVolume is not recorded. */
const lookAgain = 30_000;

/** Records again and again. `undefined` without Kubernetes. */
export function createRecorderPart({ fleet, persistentVolumes: volumes, log }: ControllerContext): Part | undefined {
  if (!volumes) return undefined;
  const recorder = new Recorder({ fleet, volumes, log });
  return createAbortableRepeater({
    task: (signal) => recorder.look(signal),
    every: lookAgain,
    failed: (error) => log.warn({ reason: messageOf(error) }, 'PersistentVolumes cannot be recorded'),
  });
}
