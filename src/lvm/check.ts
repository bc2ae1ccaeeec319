import { timeout } from '../concurrency/timeout.ts';
import { messageOf } from '../domain/errors.ts';
import type { Lvm } from './lvm.ts';

export interface LvmCheckOptions {
  readonly lvm: Lvm;
  /** Milliseconds that LVM has for an answer. */
  readonly deadline: number;
  /** Milliseconds for which an answer holds, so that whoever asks often costs little. */
  readonly holds: number;
  /** Milliseconds from any fixed moment; for tests. */
  readonly now?: () => number;
}

/**
 * What is wrong with LVM, if anything. Asks for as little as there is, and nothing of it reaches the inventory: before our disks
 * are shown to LVM, its report would say that volumes do not exist.
 */
export function createLvmCheck({ lvm, deadline, holds, now = () => performance.now() }: LvmCheckOptions) {
  let asking: Promise<string | undefined> | undefined;
  let answeredAt: number | undefined;

  const ask = async (): Promise<string | undefined> => {
    try {
      const answer = await lvm.report(['vgs', '-o', 'vg_name']);
      if (!answer.ok) return `LVM fails: ${answer.messages.join('; ')}`;
      answeredAt = now();
    } catch (error) {
      // Nobody may be waiting by now.
      return messageOf(error);
    } finally {
      asking = undefined;
    }
  };
  return async (): Promise<string | undefined> => {
    if (answeredAt !== undefined && now() - answeredAt < holds) return;
    // A report waits for LVM's lock while a change of ours runs, and that ends at its own deadline. A new process would wait as well.
    if (lvm.changing) return;
    // One question at a time: an LVM that hangs must not be asked by ever more.
    asking ??= ask();
    using late = timeout(deadline, `LVM has not answered for ${deadline} ms`);
    return await Promise.race([asking, late.promise]);
  };
}
