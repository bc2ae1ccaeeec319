import type { Queue } from '../concurrency/queue.ts';
import type { VgName } from '../domain/ids.ts';
import { Failure } from '../domain/errors.ts';
import type { InventoryCache } from './cache.ts';
import { lvmFailure } from './failures.ts';
import type { Lvm, LvmArguments } from './lvm.ts';

/** Changes LVM, one writer a volume group. */
export interface Writer {
  exclusive<T>(group: VgName, signal: AbortSignal | undefined, task: () => Promise<T>): Promise<T>;
  /** Throws the failure that LVM's messages describe, after the state was read again. */
  change(what: string, argv: LvmArguments): Promise<void>;
}

export interface WriterOptions {
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
  readonly queue: Queue;
  /** Called after each change, so that a report follows soon. */
  readonly changed: () => void;
}

export function createWriter({ lvm, cache, queue, changed }: WriterOptions): Writer {
  async function attempt(what: string, argv: LvmArguments): Promise<Failure | undefined> {
    try {
      const answer = await lvm.change(argv);
      return answer.ok ? undefined : lvmFailure(what, answer.messages);
    } catch (error) {
      if (error instanceof Failure) return new Failure(error.kind, `${what}: ${error.message}`, { cause: error });
      throw error;
    }
  }
  return {
    exclusive: (group, signal, task) => queue.run(group, signal, task),
    async change(what, argv) {
      const failure = await attempt(what, argv);
      changed();
      if (failure === undefined) return;
      // After a refusal memory was wrong, and after a kill nobody knows: either way LVM is asked before anything is said.
      await cache.refresh();
      throw failure;
    },
  };
}
