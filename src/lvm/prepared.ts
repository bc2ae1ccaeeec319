import { messageOf } from '../domain/errors.ts';

/** The outcome of preparing a pool, or of a step of that. */
export interface Prepared {
  /** Whether LVM ran a change. */
  readonly changed: boolean;
  /** Problems of a pool that serves all the same: volumes that did not activate, or a thin pool that cannot grow. */
  readonly problems: readonly string[];
}

/** A step that returns whether LVM ran a change, and that a pool can serve without. What LVM refuses is a problem, and may have been done in part. */
export async function prepareStep(step: () => Promise<boolean>): Promise<Prepared> {
  try {
    return { changed: await step(), problems: [] };
  } catch (error) {
    return { changed: true, problems: [messageOf(error)] };
  }
}
