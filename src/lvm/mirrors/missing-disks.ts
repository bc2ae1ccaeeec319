import type { VgName } from '../../domain/ids.ts';
import { removeVolume } from '../arguments.ts';
import { removeMissing, restoreMissing } from '../group-arguments.ts';
import type { InventoryCache } from '../cache.ts';
import { prepareStep } from '../prepared.ts';
import { readParts } from './mirror-copies.ts';
import type { Lvm } from '../process/lvm.ts';
import type { PvRecord } from '../records.ts';
import type { Writer } from '../writer.ts';

export interface MissingDisksOptions {
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
  readonly writer: Writer;
  /** Milliseconds for which a missing disk is expected back. */
  readonly patience: number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/**
 * Disks of groups that are missing. One that comes back is used again at once, with all that is on it. One that stays away is removed from its
 * group when nothing lies on it any longer: until then LVM refuses every creation and extension in the group.
 */
export class MissingDisks {
  readonly #options: Required<MissingDisksOptions>;
  /** When this process first saw that a disk was missing, by the UUID of its physical volume. */
  readonly #since = new Map<string, number>();

  constructor(options: MissingDisksOptions) {
    this.#options = { now: Date.now, ...options };
  }

  /** Whether a missing disk of the group may still come back. */
  mayReturn(group: VgName): boolean {
    const { now, patience } = this.#options;
    return this.#missing(group).some(({ uuid }) => now() - (this.#since.get(uuid) ?? now()) < patience);
  }

  /** Stops waiting for the disk. A new process waits for it again, as long as for any other. */
  giveUp(uuid: string): void {
    this.#since.set(uuid, Number.NEGATIVE_INFINITY);
  }

  /** Does what can be done for the group according to the last report. Returns what LVM refused. */
  async settle(group: VgName): Promise<string[]> {
    this.#note(group);
    const act = await this.#due(group);
    if (!act) return [];
    return prepareStep(async () => {
      await act();
      await this.#options.cache.refresh();
    });
  }

  /** What is to be done about the missing disks now. */
  async #due(group: VgName): Promise<(() => Promise<void>) | undefined> {
    const missing = this.#missing(group);
    const returned = missing.filter(({ device }) => device.startsWith('/'));
    const gone = missing.filter(({ device }) => !device.startsWith('/'));
    if (returned.length > 0) return () => this.#restore(group, returned);
    if (gone.length === 0 || this.mayReturn(group) || !(await this.#isUnneeded(group, gone))) return undefined;
    return () => this.#remove(group);
  }

  #missing(group: VgName): PvRecord[] {
    return this.#options.cache.report().devices.filter((device) => device.group === group && device.missing);
  }

  #note(group: VgName): void {
    const { cache, now } = this.#options;
    for (const { uuid } of this.#missing(group)) if (!this.#since.has(uuid)) this.#since.set(uuid, now());
    const still = new Set(cache.report().devices.flatMap((device) => (device.missing ? [device.uuid] : [])));
    for (const uuid of this.#since.keys()) if (!still.has(uuid)) this.#since.delete(uuid);
  }

  async #isUnneeded(group: VgName, gone: readonly PvRecord[]): Promise<boolean> {
    if (gone.some(({ free, size }) => free === size)) return true;
    return (await readParts(this.#options.lvm, group)).lostSpare !== undefined;
  }

  async #restore(group: VgName, returned: readonly PvRecord[]): Promise<void> {
    const { writer } = this.#options;
    await writer.exclusive(group, undefined, async () => {
      for (const { device } of returned) {
        await writer.change(`${device}, which is back, could not be used again`, restoreMissing(group, device));
      }
    });
  }

  async #remove(group: VgName): Promise<void> {
    const { writer, lvm } = this.#options;
    const what = `a missing disk could not be removed from volume group ${group}`;
    await writer.exclusive(group, undefined, async () => {
      const { lostSpare } = await readParts(lvm, group);
      if (lostSpare !== undefined) await writer.change(what, removeVolume(group, lostSpare));
      await writer.change(what, removeMissing(group));
    });
  }
}
