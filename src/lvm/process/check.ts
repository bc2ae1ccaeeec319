import { timeout } from '../../concurrency/timeout.ts';
import { messageOf } from '../../domain/errors.ts';
import type { Lvm } from './lvm.ts';

export interface LvmCheckOptions {
  readonly lvm: Lvm;
  /** Milliseconds that LVM may take to answer. */
  readonly deadline: number;
  /** Milliseconds for which an answer is reused, so that frequent checks cost little. */
  readonly reuse: number;
  /** Milliseconds from any fixed moment; for tests. */
  readonly now?: () => number;
}

/**
 * Returns a function that says what is wrong with LVM; `undefined`: nothing. It reads the smallest report and leaves the inventory alone:
 * until LVM sees our disks, its report says that no volume exists.
 */
export function createLvmCheck({ lvm, deadline, reuse, now = () => performance.now() }: LvmCheckOptions) {
  let asking: Promise<string | undefined> | undefined;
  let answeredAt: number | undefined;

  const ask = async (): Promise<string | undefined> => {
    try {
      const answer = await lvm.report(['vgs', '-o', 'vg_name']);
      if (!answer.ok) return `LVM fails: ${answer.messages.join('; ')}`;
      answeredAt = now();
    } catch (error) {
      // Returned and not thrown: the caller may have stopped waiting.
      return messageOf(error);
    } finally {
      asking = undefined;
    }
  };
  return async (): Promise<string | undefined> => {
    if (answeredAt !== undefined && now() - answeredAt < reuse) return;
    // A report, also of a new process, waits for LVM's lock while our change runs. The change ends at its own deadline.
    if (lvm.changing) return;
    // One report at a time: waiting reports must not pile up while LVM hangs.
    asking ??= ask();
    using late = timeout(deadline, `LVM has not answered for ${deadline} ms`);
    return await Promise.race([asking, late.promise]);
  };
}
