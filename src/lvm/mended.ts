import { Failure } from '../domain/errors.ts';
import { lvmFailure } from './failures.ts';
import type { LvmAnswer } from './process/lvm.ts';

/** Called after a refusal, with the turn of the group. Returns whether it mended the cause, so that the change can be repeated. */
export type Mend = (refusal: Failure) => Promise<boolean>;

/** Runs a change of LVM, a second time if the cause of its refusal was mended. Returns its failure; `what` begins the message. */
export async function runMended(mend: Mend, what: string, run: () => Promise<LvmAnswer>): Promise<Failure | undefined> {
  const refusal = await attempt(what, run);
  return refusal && (await mend(refusal)) ? attempt(what, run) : refusal;
}

async function attempt(what: string, run: () => Promise<LvmAnswer>): Promise<Failure | undefined> {
  try {
    const answer = await run();
    return answer.ok ? undefined : lvmFailure(what, answer.messages);
  } catch (error) {
    if (error instanceof Failure) return new Failure(error.kind, `${what}: ${error.message}`, { cause: error });
    throw error;
  }
}
