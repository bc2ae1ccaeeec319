import type { ControllerContext, Part } from '../../app/feature.ts';
import { createRepeater } from '../../concurrency/repeater.ts';
import { messageOf } from '../../domain/errors.ts';
import { Recorder } from './recorder.ts';

/** Milliseconds between two looks for volumes whose PersistentVolume is not recorded. */
const lookAgain = 30_000;

/** Records again and again. `undefined` without Kubernetes. */
export function createRecorderPart({ fleet, persistentVolumes: volumes, log }: ControllerContext): Part | undefined {
  if (!volumes) return undefined;
  const recorder = new Recorder({ fleet, volumes, log });
  const stopped = new AbortController();
  const looks = createRepeater({
    task: () => recorder.look(stopped.signal),
    every: lookAgain,
    delay: 0,
    failed: (error) => {
      if (!stopped.signal.aborted) log.warn({ reason: messageOf(error) }, 'PersistentVolumes cannot be recorded');
    },
  });
  return {
    start: () => looks.now(),
    stop: () => {
      stopped.abort();
      return looks.stop();
    },
  };
}
