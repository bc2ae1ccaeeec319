import { Failure } from '../domain/errors.ts';
import { timeout } from './timeout.ts';

/** A task that exceeded its deadline and has not ended. */
export interface HangingWork {
  readonly what: string;
  /** The time of its deadline, in milliseconds since the epoch. */
  readonly since: number;
}

/** Limits the wait for tasks that cannot be cancelled, such as a read of a device that hangs. */
export interface Patience {
  /**
   * Runs one task per key (for example the path of a device) at a time, and a limited number per group of keys; others wait. Throws
   * `unavailable` at the deadline. While a task hangs, calls for its key throw at once; while the limit of a group hangs, so do calls for
   * all its keys.
   */
  run<T>(key: string, what: string, deadline: number, task: () => Promise<T>): Promise<T>;
  hanging(): readonly HangingWork[];
}

/** Node's threads for files. Each task that hangs blocks one of them, and all other reads of files share the rest. */
export const fileThreads = 32;

export interface PatienceOptions {
  /** The group of keys that hang together, such as the devices of one volume group. Absent: each key is its own group. */
  readonly groupOf?: (key: string) => string;
  /** Tasks at once per group. */
  readonly each?: number;
  /** Tasks at once in all; the remaining threads are for files that cannot hang, such as those of the kernel. */
  readonly most?: number;
}

interface Running {
  readonly group: string;
  readonly end: Promise<void>;
  /** Present after its deadline. */
  hanging?: HangingWork;
}

/** Create one per process, because all reads of files share Node's threads (see `fileThreads`). */
export function createPatience({
  groupOf = (key) => key,
  each = 2,
  most = fileThreads - 8,
}: PatienceOptions = {}): Patience {
  const running = new Map<string, Running>();
  const groupmates = (key: string): Running[] => [...running.values()].filter(({ group }) => group === groupOf(key));
  const refuse = (key: string, what: string): void => {
    const before = running.get(key)?.hanging;
    if (before) throw new Failure('unavailable', `${what} was not tried: ${before.what} still hangs`);
    const hanging = hangingOf(groupmates(key));
    if (hanging.length >= each) throw notTried(what, hanging, 'on the same disks');
    const all = hangingOf(running.values());
    if (all.length >= most) throw notTried(what, all, 'and no thread is left for another');
  };
  const mustWait = (key: string): boolean => running.has(key) || running.size >= most || groupmates(key).length >= each;
  return {
    hanging: () => hangingOf(running.values()),
    async run(key, what, deadline, task) {
      using late = timeout(deadline, 'late' as const);
      refuse(key, what);
      while (mustWait(key)) {
        const ends = [...running.values()].map(({ end }) => end);
        if ((await Promise.race([...ends, late.promise])) === 'late') {
          throw new Failure('unavailable', `${what} was not tried: others did not end within ${deadline} ms`);
        }
        refuse(key, what);
      }
      const work = task();
      const end = (): void => void running.delete(key);
      const entry: Running = { group: groupOf(key), end: work.then(end, end) };
      running.set(key, entry);
      const outcome = await Promise.race([work.then((value) => ({ value })), late.promise]);
      if (outcome !== 'late') return outcome.value;
      entry.hanging = { what, since: Date.now() };
      throw new Failure('unavailable', `${what} did not end within ${deadline} ms`, { pending: entry.end });
    },
  };
}

function hangingOf(works: Iterable<Running>): HangingWork[] {
  return [...works].flatMap(({ hanging }) => hanging ?? []);
}

function notTried(what: string, works: readonly HangingWork[], where: string): Failure {
  return new Failure(
    'unavailable',
    `${what} was not tried: ${works.map((work) => work.what).join(', ')} hang ${where}`,
  );
}
