import { createEndings } from '../../concurrency/endings.ts';
import type { Bytes } from '../../domain/bytes.ts';
import { Failure } from '../../domain/errors.ts';
import type { VolumeId } from '../../domain/ids.ts';
import type { Job, JobControl } from '../../domain/jobs.ts';
import type { VolumeLocks } from '../../domain/storage.ts';
import type { Volume } from '../../domain/volume.ts';
import { activateInPool } from '../activation.ts';
import { createVolume, deactivateVolumes, listExtents, removeVolumeKept } from '../arguments.ts';
import type { InventoryCache } from '../cache.ts';
import { copyContent, nothingWritten } from '../copies/copy-content.ts';
import type { Copying } from '../copies/copies.ts';
import { lvmFailure } from '../failures.ts';
import { devicePath, roomName, thinPoolName } from '../names.ts';
import type { Lvm } from '../process/lvm.ts';
import type { LvRecord } from '../records.ts';
import type { Writer } from '../writer.ts';
import { placeOf } from './room-place.ts';
import { type Room, roomsIn, roomTags, zeroedTags } from './room.ts';

export interface ZeroedRoomsOptions {
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
  readonly writer: Writer;
  readonly locks: VolumeLocks;
  readonly copying: Copying;
}

/** Gives the volume exactly these extents, which have so many bytes together, in a turn of its group. */
type Extend = (id: VolumeId, room: Bytes, extents: readonly string[]) => Promise<void>;

/**
 * Writes zeros over the room that volumes grow by, before they have it. The room is a logical volume, and the tag `zeroed` says how many of its bytes are
 * zeros: after a crash the work goes on there. Then it is removed, and its volume gets its extents in the same turn of the group. A crash
 * between the two leaves the volume as it was, and the call for its growth begins again.
 */
export class ZeroedRooms {
  readonly endings = createEndings();
  readonly #options: ZeroedRoomsOptions;
  readonly #extend: Extend;
  readonly #running = new Map<VolumeId, AbortController>();

  constructor(options: ZeroedRoomsOptions, extend: Extend) {
    this.#options = options;
    this.#extend = extend;
  }

  readonly find = (): Job[] => {
    const { cache, locks } = this.#options;
    if (!cache.reported) return [];
    return this.#all()
      .filter(({ volume }) => locks.holder(volume) === undefined)
      .map((room) => this.#job(room));
  };

  /** Whether a volume has room that is not its own yet, in the last report. */
  has(id: VolumeId): boolean {
    return this.#all().some(({ volume }) => volume === id);
  }

  /** Makes room for a volume to grow by that many bytes. Call it only within the group's turn, with the record that LVM shows now. Throws `exhausted`. */
  async make(volume: Volume, { uuid }: LvRecord, growth: Bytes): Promise<void> {
    const { cache, writer } = this.#options;
    const { id, group, lv } = volume;
    const place = await placeOf(this.#options, volume, growth);
    const room = { ...place, group, lv: roomName(lv), thinPool: thinPoolName, tags: roomTags(id, uuid) };
    await writer.change(`room for volume ${id} could not be made`, createVolume(room));
    await cache.refresh();
  }

  /** Ends the work for a volume that is to be removed; its room is removed after it. */
  cancel(id: VolumeId): void {
    this.#running.get(id)?.abort();
  }

  #job(room: Room): Job {
    const { group, lv: name, size, created: since, volume } = room;
    const pool = this.#options.cache.specs.find((spec) => spec.group === group)?.name ?? '';
    const lv = `${group}/${name}`;
    return { key: lv, lane: group, pool, volume, lv, size, since, run: (control) => this.#run(room, control) };
  }

  async #run(room: Room, { signal, progress }: JobControl): Promise<void> {
    const cancel = new AbortController();
    this.#running.set(room.volume, cancel);
    try {
      await this.#fill(room, { signal: AbortSignal.any([signal, cancel.signal]), progress });
    } catch (error) {
      if (!cancel.signal.aborted) throw error;
    } finally {
      this.#running.delete(room.volume);
      this.endings.announce();
    }
  }

  async #fill({ group, lv, uuid, volume }: Room, { signal, progress }: JobControl): Promise<void> {
    const { copying, writer } = this.#options;
    const begun = await writer.exclusive(group, signal, () => this.#begin(uuid));
    if (!begun) return;
    let { zeroed } = begun;
    const record = async (now: Bytes): Promise<void> => {
      const what = `how much of ${group}/${lv} is zeros could not be recorded`;
      await writer.retag(what, begun, zeroedTags(zeroed, now), signal);
      zeroed = now;
    };
    const content = { to: devicePath(group, lv), size: begun.size, sparse: false, map: nothingWritten, copied: zeroed };
    const pace = { ...copying, record, recordEvery: copying.record ?? 2000, progress };
    await copyContent(content, pace, signal);
    await writer.exclusive(group, signal, () => this.#join(uuid));
    copying.log.info({ volume }, 'room of a volume written with zeros');
  }

  /** `undefined`: its volume is gone or has snapshots by now, and the room was removed. */
  async #begin(uuid: string): Promise<Room | undefined> {
    const room = await this.#shown(uuid);
    const { volumes } = this.#options.cache.report();
    const target = volumes.find((one) => one.group === room.group && one.uuid === room.target);
    if (target?.tags.get('id') !== room.volume || target.isThickOrigin) {
      await this.#remove(room);
      await this.#options.cache.refresh();
      return undefined;
    }
    if (!room.active) await activateInPool(this.#options, problemOf(room), { ...room, pool: undefined });
    return room;
  }

  async #join(uuid: string): Promise<void> {
    const room = await this.#begin(uuid);
    if (!room) return;
    const extents = await this.#extentsOf(room);
    await this.#remove(room);
    await this.#options.cache.refresh();
    await this.#extend(room.volume, room.size, extents);
  }

  async #remove(room: Room): Promise<void> {
    const { writer } = this.#options;
    const { group, lv } = room;
    const what = problemOf(room);
    if (room.active) await writer.change(what, deactivateVolumes(group, [lv]));
    await writer.change(what, removeVolumeKept(group, lv));
  }

  /** As LVM takes them for `lvextend`. */
  async #extentsOf(room: Room): Promise<string[]> {
    const answer = await this.#options.lvm.reportForChange(listExtents(room.group, room.lv));
    if (!answer.ok) throw lvmFailure(problemOf(room), answer.messages);
    return answer.rows.flatMap((row) => (row['seg_pe_ranges'] ?? '').split(' ').filter(Boolean));
  }

  /** As LVM shows it now. Throws `not-found`. */
  async #shown(uuid: string): Promise<Room> {
    await this.#options.cache.refresh();
    const found = this.#all().find((room) => room.uuid === uuid);
    if (!found) throw new Failure('not-found', 'there is no such room any more');
    return found;
  }

  #all(): Room[] {
    const { cache } = this.#options;
    const groups = new Set(cache.specs.map(({ group }) => group));
    return roomsIn(cache.report().volumes).filter(({ group }) => groups.has(group));
  }
}

function problemOf({ group, lv, volume }: Room): string {
  return `${group}/${lv}, the room that volume ${volume} is to get, could not be made ready for it`;
}
