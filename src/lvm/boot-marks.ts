import type { LvName } from '../domain/ids.ts';
import type { VolumeLocks } from '../domain/storage.ts';
import type { Volume } from '../domain/volume.ts';
import { listOne, lvchangeTags } from './arguments.ts';
import type { InventoryCache } from './cache.ts';
import type { Devices } from './devices.ts';
import { thinPoolOf } from './inventory.ts';
import type { Lvm } from './process/lvm.ts';
import { readMirror } from './mirrors/mirror.ts';
import { devicePath } from './names.ts';
import { decodeLv, type LvRecord } from './records.ts';
import { roleOf } from './volume-records.ts';
import { tag } from './tags.ts';
import type { Writer } from './writer.ts';

export interface BootMarksOptions {
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
  readonly writer: Writer;
  readonly devices: Devices;
  readonly usesOf: (device: string) => Promise<readonly string[]>;
  readonly locks: VolumeLocks;
  /** The id of this boot of the machine. */
  readonly boot: string;
}

/**
 * Marks mirrored volumes and pools with the id of the boot in which they may be written, and removes the mark when they are closed. If a
 * machine stops during a write, one copy may be written and the other not, and dm-raid does not record that; a mark of an earlier boot
 * does. A new process in the same boot changes nothing, because the kernel has kept the device.
 */
export class BootMarks {
  readonly #options: BootMarksOptions;
  /** UUIDs of thin pools that have one copy. */
  readonly #single = new Set<string>();

  constructor(options: BootMarksOptions) {
    this.#options = options;
  }

  /** Marks a mirrored volume. Call it before the device is handed out, with the volume locked. */
  async open(volume: Volume, signal: AbortSignal): Promise<Volume> {
    if (!isMirrored(volume) || volume.boots) return volume;
    const { writer, cache, boot } = this.#options;
    const what = `volume ${volume.id} could not be marked as open`;
    await writer.retag(what, volume, { add: tag('boot', boot) }, signal);
    const open = { ...volume, boots: [boot] };
    cache.put(open);
    return open;
  }

  /** Marks thin pools before their volumes are used, and unmarks closed volumes, according to the last report. */
  async settle(): Promise<void> {
    for (const pool of this.#thinPools()) {
      if (pool.boots.length === 0 && (await this.#hasCopies(pool))) await this.#retag(pool, { mark: true });
    }
    await this.#closeVolumes();
  }

  /** For a clean stop, after the last call: unmarks closed volumes, and thin pools without an open volume. */
  async close(): Promise<void> {
    const { cache } = this.#options;
    if (!cache.reported) return;
    // The last report may be older than the last open.
    const marked = [...cache.report().volumes, ...cache.current().volumes.values()].some(
      ({ boots = [] }) => boots.length > 0,
    );
    if (!marked) return;
    await cache.refresh();
    await this.#closeVolumes();
    const { volumes } = cache.report();
    for (const pool of this.#thinPools()) {
      const open = volumes.some((lv) => lv.group === pool.group && lv.thinPool === pool.lv && lv.open);
      if (!open && this.#isOfThisBoot(pool)) await this.#retag(pool, { mark: false });
    }
  }

  /** Logical volumes that an earlier boot left open, according to the last report. */
  unclean(): LvRecord[] {
    const { cache, boot } = this.#options;
    const groups = new Set(cache.specs.map(({ group }) => group));
    const pools = new Set(this.#thinPools());
    return cache.report().volumes.filter((lv) => {
      const ours = groups.has(lv.group) && (pools.has(lv) || roleOf(lv) !== undefined);
      return ours && lv.boots.some((one) => one !== boot);
    });
  }

  /** Replaces the marks after a repair: by that of this boot if the volume may be open, else by none. */
  async verified(record: LvRecord): Promise<void> {
    const volume = this.#volumeOf(record);
    if (!volume) return this.#retag(record, { mark: true });
    await this.#options.locks.hold(volume.id, 'the end of a repair', async () =>
      this.#retag(record, { mark: !(await this.#isClosed(volume)) }),
    );
  }

  #thinPools(): LvRecord[] {
    const { cache } = this.#options;
    return cache.specs.flatMap((spec) => (spec.thin && thinPoolOf(cache.report(), spec.group)) ?? []);
  }

  async #hasCopies(pool: LvRecord): Promise<boolean> {
    if (this.#single.has(pool.uuid)) return false;
    const mirror = await readMirror(this.#options.lvm, pool.group, `${pool.lv}_tdata` as LvName);
    if (!mirror) this.#single.add(pool.uuid);
    return mirror !== undefined;
  }

  async #closeVolumes(): Promise<void> {
    for (const record of this.#options.cache.report().volumes) {
      if (record.open || record.isThinPool || !this.#isOfThisBoot(record)) continue;
      const volume = this.#volumeOf(record);
      if (volume) await this.#closeVolume(volume, record);
    }
  }

  async #closeVolume(volume: Volume, record: LvRecord): Promise<void> {
    const { locks } = this.#options;
    if (locks.holder(volume.id) !== undefined) return;
    await locks.hold(volume.id, 'the end of its use', async () => {
      if (await this.#isClosed(volume)) await this.#retag(record, { mark: false });
    });
  }

  /** Whether nothing can write to the volume and all writes are on its disks. Call it only with the volume locked. */
  async #isClosed({ group, lv }: Volume): Promise<boolean> {
    const { lvm, devices, usesOf } = this.#options;
    const device = devicePath(group, lv);
    if ((await usesOf(device)).length > 0) return false;
    const answer = await lvm.report(listOne(group, lv));
    const [row] = answer.ok ? answer.rows : [];
    if (!row || decodeLv(row).open) return false;
    if (await devices.exists(device)) await devices.flush(device);
    return true;
  }

  async #retag({ group, lv, uuid }: LvRecord, { mark }: { mark: boolean }): Promise<void> {
    const { writer, cache, boot } = this.#options;
    await writer.exclusive(group, undefined, async () => {
      const current = cache.report().volumes.find((one) => one.uuid === uuid);
      if (!current) return;
      const remove = current.boots.filter((one) => one !== boot || !mark).map((one) => tag('boot', one));
      const add = mark && !current.boots.includes(boot) ? tag('boot', boot) : undefined;
      const what = `${group}/${lv} could not be marked as ${mark ? 'open' : 'closed'}`;
      if (remove.length > 0 || add !== undefined) await writer.change(what, lvchangeTags(group, lv, { add, remove }));
      const volume = this.#volumeOf(current);
      if (volume) {
        const { boots: _, ...closed } = volume;
        cache.put(mark ? { ...closed, boots: [boot] } : closed);
      }
      await cache.refresh();
    });
  }

  #volumeOf({ group, lv, tags }: LvRecord): Volume | undefined {
    const id = tags.get('id');
    const { volumes } = this.#options.cache.current();
    return volumes.values().find((volume) => volume.id === id && volume.group === group && volume.lv === lv);
  }

  #isOfThisBoot({ boots }: LvRecord): boolean {
    return boots.length > 0 && boots.every((one) => one === this.#options.boot);
  }
}

function isMirrored({ layout }: Volume): boolean {
  return layout.type === 'thick' && layout.mirrors > 0;
}
