import type { Queue } from '../concurrency/queue.ts';
import type { VgName } from '../domain/ids.ts';
import { Failure } from '../domain/errors.ts';
import type { Volume } from '../domain/volume.ts';
import type { InventoryCache } from './cache.ts';
import { lvchangeTags, type TagChange } from './arguments.ts';
import { lvmFailure } from './failures.ts';
import type { Lvm, LvmAnswer, LvmArguments } from './lvm.ts';

/** Changes LVM, one change at a time in each volume group. */
export interface Writer {
  exclusive<T>(group: VgName, signal: AbortSignal | undefined, task: () => Promise<T>): Promise<T>;
  /** Throws the failure that LVM's messages describe, after LVM's state was read again. `what` begins its message. */
  change(what: string, argv: LvmArguments): Promise<void>;
  /** Like `change`, for changes that may take minutes: activation, and the creation of a thin pool. */
  slowChange(what: string, argv: LvmArguments): Promise<void>;
  /** Changes the tags of a logical volume, in a separate turn of the group. */
  retag(what: string, volume: Pick<Volume, 'group' | 'lv'>, tags: TagChange, signal?: AbortSignal): Promise<void>;
}

export interface WriterOptions {
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
  readonly queue: Queue;
  /** Called after each change, so that a report follows. */
  readonly changed: () => void;
}

/** A writer whose turns are those of `queue`. A failed change is thrown only after LVM's state was read again. */
export function createWriter({ lvm, cache, queue, changed }: WriterOptions): Writer {
  async function attempt(what: string, run: () => Promise<LvmAnswer>): Promise<Failure | undefined> {
    try {
      const answer = await run();
      return answer.ok ? undefined : lvmFailure(what, answer.messages);
    } catch (error) {
      if (error instanceof Failure) return new Failure(error.kind, `${what}: ${error.message}`, { cause: error });
      throw error;
    }
  }
  async function settle(what: string, run: () => Promise<LvmAnswer>): Promise<void> {
    const failure = await attempt(what, run);
    changed();
    if (failure === undefined) return;
    // A refusal means that the inventory in memory was wrong, and after a kill the outcome is unknown: LVM's state is read first.
    await cache.refresh();
    throw failure;
  }
  const change: Writer['change'] = (what, argv) => settle(what, () => lvm.change(argv));
  return {
    exclusive: (group, signal, task) => queue.run(group, signal, task),
    change,
    slowChange: (what, argv) => settle(what, () => lvm.slowChange(argv)),
    retag: (what, { group, lv }, tags, signal) =>
      queue.run(group, signal, () => change(what, lvchangeTags(group, lv, tags))),
  };
}
