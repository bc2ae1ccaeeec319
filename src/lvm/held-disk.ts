import { attempt } from '../concurrency/attempts.ts';
import { isFailure } from '../domain/errors.ts';
import { isHeld } from './failures.ts';

/** How often a change is tried: for five seconds, with `pause`. A look at a disk takes milliseconds, and on a busy machine a second. */
const attempts = 20;

/**
 * Makes a change of a disk again that LVM refuses because the disk is open exclusively. The driver and `quarry disks` look at disks that way, in two processes: what one
 * of them takes, the other may hold for a moment. Throws what LVM said last.
 *
 * @param pause milliseconds between two attempts
 */
export function untilReleased<Made>(change: () => Promise<Made>, pause = 250): Promise<Made> {
  return attempt(change, { most: attempts, pause, mayPass: (error) => isFailure(error) && isHeld(error) });
}
