import type { LvName, VgName } from '../domain/ids.ts';
import { removeVolume } from './arguments.ts';
import type { InventoryCache } from './cache.ts';
import { lvmFailure } from './failures.ts';
import { isMessengerName, isMoveName, isReplacedPart } from './names.ts';
import { prepareStep } from './prepared.ts';
import type { Lvm, LvmArguments } from './process/lvm.ts';
import type { Writer } from './writer.ts';

interface Ports {
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
  readonly writer: Writer;
}

/**
 * Removes what commands of LVM leave that a crash cuts off between two of their commits. LVM hides these logical volumes until the first one, and
 * nothing else has such names, which LVM keeps for itself:
 * - a move, which then has no extents: `pvmove` takes them out of it, and removes it after that;
 * - the parts of a copy that another one replaces: they keep a missing disk in its group, and LVM refuses to activate them.
 * Also a volume of ours that was made for a moment, so that LVM sends messages to a thin pool.
 * Returns what LVM refused.
 */
export function removeRemains(ports: Ports, group: VgName): Promise<string[]> {
  const { cache, writer } = ports;
  return prepareStep(async () => {
    const isThere = cache.report().volumes.some((one) => one.group === group && mayRemain(one.lv));
    if (!isThere) return;
    // A command that runs has its turn of the group: what is still there then is of one that was cut off.
    await writer.exclusive(group, undefined, () => removeNow(ports, group));
    await cache.refresh();
  });
}

const mayRemain = (lv: LvName): boolean => isMoveName(lv) || isReplacedPart(lv) || isMessengerName(lv);

async function removeNow({ lvm, writer }: Ports, group: VgName): Promise<void> {
  const answer = await lvm.reportForChange(listVisible(group));
  if (!answer.ok) throw lvmFailure(`what was cut off in ${group} could not be read`, answer.messages);
  const left = answer.rows.filter(({ segtype, lv_name }) => {
    const lv = (lv_name ?? '') as LvName;
    return isReplacedPart(lv) || isMessengerName(lv) || (isMoveName(lv) && segtype === 'error');
  });
  for (const lv of new Set(left.map(({ lv_name }) => lv_name as LvName)))
    await writer.change(
      `${group}/${lv}, which LVM left when it was cut off, could not be removed`,
      removeVolume(group, lv),
    );
}

/** Lists the logical volumes of a group that it does not hide, with the kinds of their segments. */
function listVisible(group: VgName): LvmArguments {
  return ['lvs', '-o', 'lv_name,segtype', group];
}
