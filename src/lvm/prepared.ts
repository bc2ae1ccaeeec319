import { messageOf } from '../domain/errors.ts';

/** A step of the preparation of a pool, which can serve without it. Returns what LVM refused, which may have been done in part. */
export async function prepareStep(step: () => Promise<void>): Promise<string[]> {
  try {
    await step();
    return [];
  } catch (error) {
    return [messageOf(error)];
  }
}
