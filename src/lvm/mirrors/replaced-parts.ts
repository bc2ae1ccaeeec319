import type { VgName } from '../../domain/ids.ts';
import { removeVolume } from '../arguments.ts';
import type { InventoryCache } from '../cache.ts';
import { isReplacedPart } from '../names.ts';
import type { Writer } from '../writer.ts';

interface Ports {
  readonly cache: InventoryCache;
  readonly writer: Writer;
}

/**
 * Removes what a power cut amid the repair of a mirror leaves: LVM commits the new copy, and removes the parts of the old one in another commit. They keep a
 * missing disk in its group, and LVM refuses to activate them. Returns whether there were any.
 */
export async function removeReplacedParts({ cache, writer }: Ports, group: VgName): Promise<boolean> {
  const left = () => cache.report().volumes.filter((one) => one.group === group && isReplacedPart(one.lv));
  if (left().length === 0) return false;
  await writer.exclusive(group, undefined, async () => {
    // A repair that runs has its turn of the group: what is still there now is of one that was cut off.
    await cache.refresh();
    for (const { lv } of left())
      await writer.change(`${group}/${lv}, which a repair left, could not be removed`, removeVolume(group, lv));
  });
  await cache.refresh();
  return true;
}
