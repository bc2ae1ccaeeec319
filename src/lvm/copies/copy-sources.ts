import type { Bytes } from '../../domain/bytes.ts';
import type { VolumeId } from '../../domain/ids.ts';
import type { Job } from '../../domain/jobs.ts';
import { roomFor } from '../../domain/snapshot-room.ts';
import type { VolumeLocks } from '../../domain/storage.ts';
import type { Layout, Volume } from '../../domain/volume.ts';
import type { Log } from '../../log.ts';
import type { Admission } from '../admission.ts';
import { snapshotThick, snapshotVolume } from '../arguments.ts';
import type { InventoryCache } from '../cache.ts';
import { retire } from '../erasure/retirement.ts';
import { afterGrowth } from '../prediction.ts';
import type { LvmArguments } from '../process/lvm.ts';
import type { LvRecord } from '../records.ts';
import type { Origin } from '../snapshots/origin.ts';
import { linear } from '../snapshots/snapshots.ts';
import type { Writer } from '../writer.ts';
import { copiedTo, copySourceFor } from './copy-source.ts';

export interface CopySourcesOptions {
  readonly cache: InventoryCache;
  readonly writer: Writer;
  readonly locks: VolumeLocks;
  readonly admission: Admission;
  readonly log: Log;
}

/** Takes and removes the snapshots that only copies read. */
export class CopySources {
  readonly #options: CopySourcesOptions;

  constructor(options: CopySourcesOptions) {
    this.#options = options;
  }

  /**
   * Takes the one for a new volume; none where that is copied from a thick snapshot, which does not change. A thin snapshot gets one, too, because it has
   * no device. Call it only within the turn of the origin's group, and before the volume exists. Throws `exhausted`.
   */
  async take(copy: Pick<Volume, 'id' | 'lv' | 'source'>, origin: Origin): Promise<void> {
    const { admission, writer, cache } = this.#options;
    const isSnapshot = copy.source !== undefined && 'snapshot' in copy.source;
    if (isSnapshot && !origin.isThin) return;
    const { command, layout, size } = this.#commandFor(copy, origin);
    // Neither a snapshot nor its copy source is ever written to, so that the one takes no space from the other.
    if (!isSnapshot) await admission.forSnapshot(origin.pool, layout, size);
    const what = `the snapshot that volume ${copy.id} is copied from could not be taken`;
    await admission.track(() => writer.change(what, command));
    cache.putPool(afterGrowth(admission.pool(origin.pool), layout, size));
  }

  #commandFor(
    copy: Pick<Volume, 'id' | 'lv'>,
    { group, lv: origin, pool, size, isThin, snapshotRoom, erase }: Origin,
  ): { readonly command: LvmArguments; readonly layout: Layout; readonly size: Bytes } {
    const { lv, tags } = copySourceFor(copy, erase);
    if (isThin)
      return { command: snapshotVolume(group, origin, { lv, tags, active: true }), layout: { type: 'thin' }, size };
    const room = roomFor(snapshotRoom, size, this.#options.admission.pool(pool).extentSize);
    return { command: snapshotThick(group, origin, { lv, tags, room }), layout: linear, size: room };
  }

  /** Removes what a volume that was removed, or is whole, or does not exist yet, was copied from. Call it without a turn of a group. */
  async remove(id: VolumeId): Promise<void> {
    const { cache } = this.#options;
    await cache.refresh();
    for (const record of this.#all()) if (copiedTo(record) === id) await this.#remove(record, () => true);
  }

  /** Jobs for those without their copy: a copy that was cut off has left them. */
  left(): Job[] {
    const { cache, log } = this.#options;
    return this.#all()
      .filter((record) => this.#isLeft(record))
      .map((record) => {
        const { group } = record;
        const lv = `${group}/${record.lv}`;
        const run = async (): Promise<void> => {
          const removed = await this.#remove(record, (now) => this.#isLeft(now));
          if (removed) log.info({ lv }, 'the source of a copy that was cut off removed');
        };
        const pool = cache.specs.find((spec) => spec.group === group)?.name ?? '';
        return { key: lv, lane: group, pool, volume: copiedTo(record), lv, size: record.size, run };
      });
  }

  #all(): LvRecord[] {
    const { cache } = this.#options;
    const groups = new Set(cache.specs.map(({ group }) => group));
    return cache.report().volumes.filter((record) => groups.has(record.group) && copiedTo(record) !== undefined);
  }

  #isLeft(record: LvRecord): boolean {
    const { cache, locks } = this.#options;
    const id = copiedTo(record);
    return id !== undefined && cache.current().volumes.get(id)?.state !== 'copying' && locks.holder(id) === undefined;
  }

  /** Removes it if LVM still shows it then. Returns whether it did. */
  async #remove({ group, lv, uuid }: LvRecord, still: (record: LvRecord) => boolean): Promise<boolean> {
    const { cache, writer } = this.#options;
    return writer.exclusive(group, undefined, async () => {
      await cache.refresh();
      const record = this.#all().find((one) => one.uuid === uuid);
      if (!record || !still(record)) return false;
      await retire(this.#options, `the source of a copy, ${group}/${lv}, could not be removed`, record);
      await cache.refresh();
      return true;
    });
  }
}
