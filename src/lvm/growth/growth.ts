import type { Bytes, SizeRange } from '../../domain/bytes.ts';
import { roundedSize, withOverhead } from '../../domain/capacity.ts';
import { refuseGrowthWithIntegrity } from '../../domain/encryption.ts';
import { Failure } from '../../domain/errors.ts';
import type { VolumeId } from '../../domain/ids.ts';
import { knownLayout, type Volume } from '../../domain/volume.ts';
import { isZeroed } from '../../domain/zeroing.ts';
import { type Admission, keepSize } from '../admission.ts';
import { extendVolume } from '../arguments.ts';
import { afterGrowth } from '../prediction.ts';
import { decodeLv } from '../records.ts';
import type { ReportRow } from '../process/report.ts';
import { refuseThickSnapshots } from '../removal.ts';
import { copiesOf } from './room-place.ts';
import { ZeroedRooms, type ZeroedRoomsOptions } from './zeroed-rooms.ts';

export interface GrowthOptions extends ZeroedRoomsOptions {
  readonly admission: Admission;
  /** Throws `not-found`, only after a successful report. */
  readonly mustFind: (id: VolumeId) => Promise<Volume>;
  /** The volume as LVM shows it now. Call it only within the group's turn. */
  readonly lookUpNow: (id: VolumeId) => Promise<{ readonly volume: Volume; readonly row: ReportRow }>;
}

/** Extends volumes: at once, or by room that is written with zeros before. */
export class Growth {
  readonly rooms: ZeroedRooms;
  readonly #options: GrowthOptions;
  #start: () => void = () => undefined;

  constructor(options: GrowthOptions) {
    this.#options = options;
    this.rooms = new ZeroedRooms(options, async (id, room, extents) => {
      const { volume } = await options.lookUpNow(id);
      await this.#extend(volume, volume.size + room / copiesOf(volume), extents);
    });
  }

  /** @param start starts the jobs that are found */
  startWith(start: () => void): void {
    this.#start = start;
  }

  /** Throws `busy` while the volume's new room is written with zeros. */
  async expand(id: VolumeId, size: SizeRange, signal: AbortSignal): Promise<Volume> {
    const { locks, mustFind, writer } = this.#options;
    const grown = await locks.hold(id, 'ControllerExpandVolume', async () => {
      const { group } = await mustFind(id);
      return writer.exclusive(group, signal, () => this.#begin(id, size));
    });
    return grown ?? this.#settled(id, size, signal);
  }

  /** `undefined`: a job writes zeros first. */
  async #begin(id: VolumeId, size: SizeRange): Promise<Volume | undefined> {
    const { admission, cache, lookUpNow } = this.#options;
    await admission.settle();
    const { volume, row } = await lookUpNow(id);
    refuseGrowthWithIntegrity(`volume ${id}`, volume, size.required);
    const wanted = this.#wanted(volume, size);
    if (volume.size >= wanted) return keepSize(volume, size);
    const { spec } = admission.pool(volume.pool);
    const record = decodeLv(row);
    // LVM would extend an inactive one, and show its snapshots with the old size.
    if (record.isThickOrigin) await refuseThickSnapshots(cache, problemOf(id), volume);
    if (!isZeroed(spec, volume)) return this.#extend(volume, wanted);
    await cache.refresh();
    if (this.rooms.has(id)) return undefined;
    await admission.forGrowth(volume, wanted);
    await admission.track(() => this.rooms.make(volume, record, wanted - volume.size));
    return undefined;
  }

  /** @param extents absent: LVM chooses them */
  async #extend(found: Volume, wanted: Bytes, extents: readonly string[] = []): Promise<Volume> {
    const { admission, cache, writer } = this.#options;
    const pool = await admission.forGrowth(found, wanted);
    const command = extendVolume(found.group, found.lv, wanted, extents);
    await admission.track(() => writer.change(problemOf(found.id), command));
    const volume = { ...found, size: wanted };
    cache.put(volume);
    cache.putPool(afterGrowth(pool, knownLayout(found), wanted - found.size));
    return volume;
  }

  async #settled(id: VolumeId, size: SizeRange, signal: AbortSignal): Promise<Volume> {
    const { cache, copying } = this.#options;
    const grown = (): Volume | undefined => {
      this.#start();
      const volume = cache.current().volumes.get(id);
      if (volume && volume.size >= this.#wanted(volume, size)) return volume;
      if (this.rooms.has(id)) return undefined;
      throw new Failure('busy', `volume ${id} did not get the room that was made for it: try again`);
    };
    const volume = await this.rooms.endings.waitFor(grown, copying.wait ?? 5000, signal);
    if (volume) return keepSize(volume, size);
    throw new Failure('busy', `the room that volume ${id} grows by is being written with zeros: try again`);
  }

  #wanted(volume: Volume, size: SizeRange): Bytes {
    const pool = this.#options.admission.pool(volume.pool);
    return roundedSize(pool, knownLayout(volume), withOverhead(size, volume.encryption));
  }
}

function problemOf(id: VolumeId): string {
  return `volume ${id} could not be extended`;
}
