import { Failure } from '../domain/errors.ts';
import { timeout } from './timeout.ts';

/** Work that was given up at its deadline and has not ended. */
export interface HangingWork {
  readonly what: string;
  /** Milliseconds since the epoch at which it was given up. */
  readonly since: number;
}

/** Waits for work that cannot be ended, such as a read of a device that hangs. */
export interface Patience {
  /**
   * Work is known by a key, such as the path of the device, and waits for its turn: one at a time for a key, and so much at once for the
   * key's group. Throws `unavailable` at the deadline; from then on at once for that key, until the work ends, and for every key of the
   * group while as much of it hangs as may.
   */
  run<T>(key: string, what: string, deadline: number, task: () => Promise<T>): Promise<T>;
  hanging(): readonly HangingWork[];
}

/** Threads of Node for files. Each piece of work that hangs keeps one, and so keeps it from everything else that reads a file. */
export const fileThreads = 32;

export interface PatienceOptions {
  /** What hangs together, such as the devices of one volume group. Absent: each key by itself. */
  readonly groupOf?: (key: string) => string;
  /** Pieces of work at once for a group. */
  readonly each?: number;
  /** Pieces of work at once in all; the threads that remain read what cannot hang, such as the files of the kernel. */
  readonly most?: number;
}

interface Running {
  readonly group: string;
  readonly end: Promise<void>;
  /** Present once it was given up. */
  hanging?: HangingWork;
}

/** One for a process: whatever reads files shares its threads (see `fileThreads`). */
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
    const beside = hangingOf(groupmates(key));
    if (beside.length >= each) throw notTried(what, beside, 'on the same disks');
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
