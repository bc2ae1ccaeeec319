import type { InventoryCache } from '../cache.ts';
import type { Member } from '../disk-removal.ts';
import { erasedName } from '../names.ts';
import { linkedDevice } from '../process/system.ts';
import type { LvRecord, PvRecord } from '../records.ts';
import { tag } from '../tags.ts';
import type { Writer } from '../writer.ts';
import { beginLeaving, occupyDisk, useAgain } from './commands.ts';
import { leavingTag } from './leaving-tag.ts';

/**
 * Erases disks before they leave their groups. A logical volume takes all of an empty disk, so that LVM gives none of it to anything else; a job of kind `erase`
 * erases and removes that as it does with a deleted volume. The tag of the disk then says that its erasure has begun: once the logical volume is gone, the
 * disk is erased.
 */
export class ErasedDisks {
  readonly #cache: InventoryCache;
  readonly #writer: Pick<Writer, 'change'>;

  constructor({ cache, writer }: { readonly cache: InventoryCache; readonly writer: Pick<Writer, 'change'> }) {
    this.#cache = cache;
    this.#writer = writer;
  }

  /** What takes all of the disk while it is erased, in the last report. */
  on({ group, uuid }: Pick<PvRecord, 'group' | 'uuid'>): LvRecord | undefined {
    return this.#cache.report().volumes.find((lv) => lv.group === group && lv.erasing?.disk === uuid);
  }

  /**
   * Begins the erasure of a disk that nothing is on, if it is to be erased and is not yet. Returns whether it has to stay for that. Call it only within the
   * group's turn, with the record that LVM shows now.
   */
  async begin(record: Member): Promise<boolean> {
    const { leaving, device, group, uuid, size, allocatable } = record;
    const erase = leaving?.erase;
    if (!leaving || !erase) return false;
    const found = this.on(record);
    if (erase.begun) return found !== undefined;
    const what = `the erasure of ${linkedDevice(device)} could not begin`;
    if (!found) {
      const tags = [tag('v', '1'), tag('role', 'erase'), tag('disk', uuid)];
      if (!allocatable) await this.#writer.change(what, useAgain(device));
      await this.#writer.change(what, occupyDisk(group, { lv: erasedName(erase.method, uuid), tags, size }, device));
    }
    const added = leavingTag({ ...leaving, erase: { ...erase, begun: true } });
    await this.#writer.change(what, beginLeaving(device, added, leaving.tags, true));
    return true;
  }
}
