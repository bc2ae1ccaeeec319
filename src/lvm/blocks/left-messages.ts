import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure, messageOf } from '../../domain/errors.ts';
import type { VgName } from '../../domain/ids.ts';
import type { Log } from '../../log.ts';
import type { InventoryCache } from '../cache.ts';
import { lvmFailure } from '../failures.ts';
import { writeMetadataTo } from '../group-arguments.ts';
import { thinPoolOf } from '../inventory.ts';
import { type Mend, runMended } from '../mended.ts';
import type { Lvm, LvmArguments } from '../process/lvm.ts';
import { sendPendingMessages } from '../thin-pools.ts';

/** What cut-off changes may have left in the metadata of groups with a thin pool. */
export interface LeftMessages {
  /** Lets LVM forget the messages that it has for the group's thin pool. Call it before a removal, within the group's turn. Throws `unavailable`. */
  settle(group: VgName): Promise<void>;
  /** Some may be left: after a change that failed, or by another program. Without a group, in any of them. */
  doubt(group?: VgName): void;
}

export interface LeftMessagesOptions {
  readonly lvm: Pick<Lvm, 'change' | 'reportForChange'>;
  readonly cache: Pick<InventoryCache, 'report'>;
  /** The change that was cut off may be one that LVM cannot repeat. */
  readonly mend: Mend;
  /** LVM's system directory. LVM's processes see it where we do. */
  readonly directory: string;
  readonly log: Log;
}

/**
 * LVM commits a message to the thin pool with the change that needs it, sends it, and commits that it is sent. If the last commit is missing, the kernel has
 * done all, and LVM's metadata still has the message. LVM adds that of its next removal to it without a new number of the transaction, finds the number that the kernel
 * has, and sends neither (lib/metadata/thin_manip.c, `attach_thin_pool_message`; libdm-deptree.c, `_node_send_messages`): the kernel keeps the device of the removed volume, and its blocks,
 * for good. A creation makes LVM forget such messages first. A group is looked at before the first removal after each preparation of its
 * pool, and after a change that failed.
 */
export function createLeftMessages(options: LeftMessagesOptions): LeftMessages {
  const { cache, log } = options;
  const settled = new Set<VgName>();
  return {
    async settle(group) {
      const pool = settled.has(group) ? undefined : thinPoolOf(cache.report(), group);
      if (!pool) return;
      if (await hasMessages(options, group)) {
        try {
          await sendPendingMessages({ change: (...args) => change(options, ...args) }, group, pool.lv);
        } catch (error) {
          // A pool that is full refuses the creation after LVM has forgotten the messages.
          if (await hasMessages(options, group)) throw error;
        }
        log.warn({ pool: `${group}/${pool.lv}` }, 'messages to a thin pool that a cut-off change left are ended');
      }
      settled.add(group);
    },
    doubt(group) {
      if (group === undefined) settled.clear();
      else settled.delete(group);
    },
  };
}

async function hasMessages({ lvm, directory }: LeftMessagesOptions, group: VgName): Promise<boolean> {
  const file = join(directory, `messages-of-${group}`);
  const what = `whether LVM has messages for the thin pool of ${group} could not be read`;
  const answer = await lvm.reportForChange(writeMetadataTo(file, group));
  if (!answer.ok) throw lvmFailure(what, answer.messages);
  try {
    return /^\t*message\d+ \{$/m.test(await readFile(file, 'latin1'));
  } catch (cause) {
    throw new Failure('unavailable', `${what}: ${messageOf(cause)}`, { cause });
  } finally {
    await rm(file, { force: true });
  }
}

async function change({ lvm, mend }: LeftMessagesOptions, what: string, argv: LvmArguments): Promise<void> {
  const failure = await runMended(mend, what, () => lvm.change(argv));
  if (failure) throw failure;
}
