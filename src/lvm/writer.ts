import type { Queue } from '../concurrency/queue.ts';
import type { VgName } from '../domain/ids.ts';
import { Failure, messageOf } from '../domain/errors.ts';
import type { Volume } from '../domain/volume.ts';
import type { InventoryCache } from './cache.ts';
import type { LeftMessages } from './blocks/left-messages.ts';
import type { Devices } from './devices.ts';
import { lvchangeTags, type TagChange } from './arguments.ts';
import { type Mend, runMended } from './mended.ts';
import type { Lvm, LvmAnswer, LvmArguments } from './process/lvm.ts';
import { committedGroup, type ReadLocations, unchanged } from './metadata/locations.ts';

/** Changes LVM, one change at a time in each volume group. */
export interface Writer {
  /**
   * Runs the task in a turn of the group. If the task changed LVM, its metadata is on the disks at the end: LVM writes without a flush, so a
   * disk with a volatile cache would lose an answered change in a power cut. Throws `unavailable` if a disk does not answer, without the task if the
   * group is set apart for that.
   */
  exclusive<T>(group: VgName, signal: AbortSignal | undefined, task: () => Promise<T>): Promise<T>;
  /**
   * Throws the failure that LVM's messages describe, after LVM's state was read again. `what` begins its message. Throws `unavailable`
   * if a disk of the group does not answer, before LVM is asked, and if LVM succeeds but the change is on no disk.
   */
  change(what: string, argv: LvmArguments): Promise<void>;
  /** Like `change`, for changes that may take minutes: activation, and the creation of a thin pool. The signal kills its process. */
  slowChange(what: string, argv: LvmArguments, signal?: AbortSignal): Promise<void>;
  /** Changes the tags of a logical volume, in a separate turn of the group. */
  retag(what: string, volume: Pick<Volume, 'group' | 'lv'>, tags: TagChange, signal?: AbortSignal): Promise<void>;
  /** Groups whose thin pool was active before a change that failed: LVM may have deactivated it when it gave up a volume. */
  readonly poolsInDoubt: Set<VgName>;
}

export interface WriterOptions {
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
  readonly queue: Queue;
  readonly readLocations: ReadLocations;
  readonly devices: Pick<Devices, 'flush'>;
  readonly mend: Mend;
  readonly messages: LeftMessages;
  /** Called after each change, so that a report follows. */
  readonly changed: () => void;
}

/** A writer whose turns are those of `queue`. A failed change is thrown only after LVM's state was read again. */
export function createWriter(options: WriterOptions): Writer {
  const { lvm, cache, queue } = options;
  let changes = 0;
  const poolsInDoubt = new Set<VgName>();
  const flush = createFlush(options);
  const commit = createCommit(options);
  const settle = createSettle(options, poolsInDoubt, () => (changes += 1));
  const change: Writer['change'] = async (what, argv) => {
    await settleMessages(options, argv);
    return settle(what, await commit(argv));
  };
  const exclusive: Writer['exclusive'] = (group, signal, task) =>
    queue.run(group, signal, async () => {
      cache.groups.refuseApart(group);
      const before = changes;
      try {
        const result = await task();
        await flush.now(group, changes > before);
        return result;
      } catch (error) {
        // Its caller hears of no success; the next turn flushes what it may have done.
        if (changes > before) flush.later(group);
        throw error;
      }
    });
  return {
    poolsInDoubt,
    exclusive,
    change,
    async slowChange(what, argv, signal) {
      await settleMessages(options, argv);
      return settle(what, () => lvm.slowChange(argv, signal));
    },
    retag: (what, { group, lv }, tags, signal) =>
      exclusive(group, signal, () => change(what, lvchangeTags(group, lv, tags))),
  };
}

/** Runs a change, a second time if its cause was mended, and throws its failure after LVM's state was read again. `count` is called after it. */
function createSettle(
  { cache, mend, messages, changed }: WriterOptions,
  poolsInDoubt: Set<VgName>,
  count: () => void,
): (what: string, run: () => Promise<LvmAnswer>) => Promise<void> {
  return async (what, run) => {
    const failure = await runMended(mend, what, run);
    count();
    changed();
    if (failure === undefined) return;
    messages.doubt();
    for (const group of groupsWithPool(cache)) poolsInDoubt.add(group);
    // A refusal means that the inventory in memory was wrong, and after a kill the outcome is unknown: LVM's state is read first.
    await cache.refresh();
    throw failure;
  };
}

/** Before a removal: LVM would not tell the thin pool of it. */
async function settleMessages({ messages }: WriterOptions, argv: LvmArguments): Promise<void> {
  const group = argv[0] === 'lvremove' ? committedGroup(argv) : undefined;
  if (group !== undefined) await messages.settle(group);
}

/** Those whose thin pool is active, according to the last report. */
function groupsWithPool(cache: InventoryCache): VgName[] {
  if (!cache.reported) return [];
  return cache
    .report()
    .volumes.filter(({ isThinPool, active }) => isThinPool && active)
    .map(({ group }) => group);
}

/** Reads where the metadata of the command's group is on its disks. The returned function runs the command, and reads it again. */
function createCommit({ lvm, cache, readLocations }: WriterOptions) {
  return async (argv: LvmArguments): Promise<() => Promise<LvmAnswer>> => {
    const group = committedGroup(argv);
    const members = group === undefined ? [] : cache.devicesOf(group);
    const before = await readLocations(members);
    return async () => {
      const answer = await lvm.change(argv);
      const lost = answer.ok && before.size > 0 ? unchanged(before, await readLocations(members)) : [];
      return lost.length === 0 ? answer : { ok: false, messages: [lostCommit(lost)] };
    };
  };
}

/**
 * Flushes the disks of a group that are here, if they were changed or are not those of its last flush. So the first turn of a group flushes too:
 * an earlier process may have died before it did. Throws `unavailable`.
 */
function createFlush({ cache, devices }: WriterOptions) {
  const flushed = new Map<VgName, string>();
  const flush = async (name: string): Promise<void> => {
    try {
      await devices.flush(name);
    } catch (error) {
      if (error instanceof Failure) throw error;
      const message = `${name} could not be flushed, so that a power cut may undo the change: ${messageOf(error)}`;
      throw new Failure('unavailable', message, { cause: error });
    }
  };
  return {
    async now(group: VgName, changed: boolean): Promise<void> {
      // LVM has no path for a disk that is missing.
      const names = cache.devicesOf(group).filter((name) => name.startsWith('/'));
      if (!changed && flushed.get(group) === names.join()) return;
      flushed.delete(group);
      await Promise.all(names.map(flush));
      flushed.set(group, names.join());
    },
    later: (group: VgName): void => void flushed.delete(group),
  };
}

function lostCommit(devices: readonly string[]): string {
  return `LVM succeeded, but its metadata on ${devices.join(', ')} has not changed: the disk loses writes, so replace it`;
}
