import { type Bytes, largest, roundDown, smallest } from '../../domain/bytes.ts';
import { legSize } from '../../domain/capacity.ts';
import { defaultRoom, largestRoom, roomFor } from '../../domain/snapshot-room.ts';
import type { Log } from '../../log.ts';
import { extendVolume } from '../arguments.ts';
import type { InventoryCache } from '../cache.ts';
import { copiedTo } from '../copies/copy-source.ts';
import type { LvRecord, ThickSnapshot } from '../records.ts';
import { tag } from '../tags.ts';
import { spaceOf } from '../thin-pool.ts';
import type { Writer } from '../writer.ts';

export interface RoomGrowthOptions {
  readonly cache: InventoryCache;
  readonly writer: Writer;
  readonly log: Log;
}

/** Percent of a snapshot's room in use at which it gets more. */
const threshold = 70;

type Snapshot = LvRecord & { readonly thickSnapshot: ThickSnapshot };

/** Gives thick snapshots more room before they are full, and marks and reports those that are overfull. */
export class RoomGrowth {
  readonly #options: RoomGrowthOptions;
  /** UUIDs of snapshots, each with its trouble that is in the log. */
  readonly #reported = new Set<string>();
  /** UUIDs of those that have the tag `state=overfull`. */
  readonly #marked = new Set<string>();

  constructor(options: RoomGrowthOptions) {
    this.#options = options;
  }

  /** Reads LVM's state only if a snapshot may need room. Call it again and again: a volume can fill its snapshot's room in seconds. */
  async look(): Promise<void> {
    const { cache } = this.#options;
    const mayFill = (one: Snapshot): boolean => !one.thickSnapshot.overfull && this.#missing(one) > 0n;
    if (!cache.reported) return;
    if (this.#snapshots().some(mayFill)) await cache.refresh();
    const all = this.#snapshots();
    for (const snapshot of all.filter((one) => !one.thickSnapshot.overfull))
      if (snapshot.dataPercent >= threshold && this.#missing(snapshot) > 0n) await this.#grow(snapshot);
    for (const snapshot of all.filter((one) => one.thickSnapshot.overfull)) await this.#giveUp(snapshot);
  }

  /**
   * Those of volumes, and the sources of copies; a snapshot that a person made is left alone. So is one that is not finished: LVM shows one as overfull whose
   * content is being exchanged for a group snapshot.
   */
  #snapshots(): Snapshot[] {
    const { cache } = this.#options;
    const isOurs = (one: LvRecord): one is Snapshot =>
      one.thickSnapshot !== undefined &&
      one.tags.get('state') !== 'creating' &&
      (one.tags.get('role') === 'snapshot' || copiedTo(one) !== undefined);
    return cache.report().volumes.filter(isOurs);
  }

  /** The bytes by which it may grow until it can hold every write. */
  #missing({ group, size, thickSnapshot }: Snapshot): Bytes {
    const extent = this.#options.cache.report().groups.find((vg) => vg.group === group)?.extentSize;
    return extent === undefined ? 0n : largest(largestRoom(thickSnapshot.originSize, extent) - size, 0n);
  }

  async #grow(snapshot: Snapshot): Promise<void> {
    const { cache, writer, log } = this.#options;
    const { group, lv, uuid } = snapshot;
    await writer.exclusive(group, undefined, async () => {
      await cache.refresh();
      const now = this.#snapshots().find((one) => one.uuid === uuid);
      const size = now && now.dataPercent >= threshold ? now.size + this.#step(now) : 0n;
      if (!now || size === 0n) return;
      if (size === now.size) return this.#reportOnce(now, 'a snapshot needs more room, and its group has none');
      await writer.change(`the room of snapshot ${group}/${lv} could not be extended`, extendVolume(group, lv, size));
      log.info({ lv: `${group}/${lv}`, size: String(size) }, 'room of a snapshot extended');
      await cache.refresh();
    });
  }

  /**
   * Marks it as overfull. The kernel records that on the disk of the room; if it was the disk that failed, it cannot, and would show the snapshot as whole, with
   * other content, once the disk is back.
   */
  async #giveUp(snapshot: Snapshot): Promise<void> {
    const { group, lv, uuid, tags } = snapshot;
    this.#reportOnce(snapshot, 'a snapshot is overfull: its content is lost');
    if (tags.has('state') || this.#marked.has(uuid)) return;
    const what = `snapshot ${group}/${lv} could not be marked as overfull`;
    await this.#options.writer.retag(what, snapshot, { add: tag('state', 'overfull') });
    this.#marked.add(uuid);
  }

  /** A fifth of the volume, as far as the group has it. */
  #step(snapshot: Snapshot): Bytes {
    const { cache } = this.#options;
    const vg = cache.report().groups.find(({ group }) => group === snapshot.group);
    const spec = cache.specs.find(({ group }) => group === snapshot.group);
    if (!vg || !spec) return 0n;
    const wanted = roomFor(defaultRoom, snapshot.thickSnapshot.originSize, vg.extentSize);
    const free = legSize(spaceOf(vg, cache.report().devices), spec.reserve, 1);
    return roundDown(smallest(wanted, this.#missing(snapshot), free), vg.extentSize);
  }

  #reportOnce({ group, lv, uuid, tags }: LvRecord, message: string): void {
    if (this.#reported.has(`${uuid} ${message}`)) return;
    this.#reported.add(`${uuid} ${message}`);
    this.#options.log.warn({ lv: `${group}/${lv}`, snapshot: tags.get('id') }, message);
  }
}
