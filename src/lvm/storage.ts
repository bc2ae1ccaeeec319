import { isDeepStrictEqual } from 'node:util';
import type { SizeRange } from '../domain/bytes.ts';
import { Failure } from '../domain/errors.ts';
import type { NodeName, VolumeId } from '../domain/ids.ts';
import { type News, noNews } from '../domain/news.ts';
import type { QosChange } from '../domain/qos.ts';
import type { Inventory, NodeVolumes, Storage, VolumeLocks } from '../domain/storage.ts';
import {
  type OpenVolume,
  refuseCopying,
  refusePassive,
  type Volume,
  type VolumeSpec,
  type VolumeUse,
} from '../domain/volume.ts';
import { Activation, type ActivationOptions } from './activation.ts';
import { BootMarks } from './boot-marks.ts';
import type { CopiesTogether } from './snapshots/copies-together.ts';
import { Copies, type Copying } from './copies/copies.ts';
import { Creation } from './creation.ts';
import { LocalGroupSnapshots } from './snapshots/group-snapshots.ts';
import { Erasures, type ErasingPace } from './erasure/erasures.ts';
import { Growth } from './growth/growth.ts';
import { lookUp } from './look-up.ts';
import { VolumeRemoval } from './volume-removal.ts';
import type { Lvm } from './process/lvm.ts';
import { devicePath } from './names.ts';
import {
  changeQos,
  recordHeader,
  recordPersistentVolume,
  recordRetained,
  recordRotation,
  recordUse,
} from './volume-tags.ts';
import { decodeLv } from './records.ts';
import { toVolume } from './volume-records.ts';
import type { ReportRow } from './process/report.ts';
import { LocalSnapshots } from './snapshots/snapshots.ts';
import { Admission } from './admission.ts';
import type { ThinMetadata } from './blocks/thin-metadata.ts';

export interface LocalStorageOptions extends Omit<ActivationOptions, 'marks'> {
  readonly node: NodeName;
  readonly lvm: Lvm;
  readonly locks: VolumeLocks;
  readonly thinMetadata: ThinMetadata;
  /** The id of this boot of the machine. */
  readonly boot: string;
  readonly copies: CopiesTogether;
  readonly copying: Copying;
  readonly erasing: ErasingPace;
}

/** The volumes of this machine. LVM is their only record. */
export class LocalStorage implements Storage, NodeVolumes {
  readonly node: NodeName;
  readonly locks: VolumeLocks;
  readonly marks: BootMarks;
  readonly snapshots: LocalSnapshots;
  readonly groupSnapshots: LocalGroupSnapshots;
  readonly volumeCopies: Copies;
  readonly erasures: Erasures;
  readonly growth: Growth;
  #news: News = noNews;
  readonly #options: LocalStorageOptions;
  readonly #activation: Activation;
  readonly #admission: Admission;
  readonly #creation: Creation;
  readonly #removal: VolumeRemoval;

  constructor(options: LocalStorageOptions) {
    this.node = options.node;
    this.locks = options.locks;
    this.#options = options;
    this.marks = new BootMarks(options);
    this.#activation = new Activation({ ...options, marks: this.marks });
    this.#admission = new Admission(options.node, options.cache);
    const shared = { ...options, admission: this.#admission, activation: this.#activation };
    this.snapshots = new LocalSnapshots(shared);
    this.groupSnapshots = new LocalGroupSnapshots({ ...shared, snapshots: this.snapshots });
    this.volumeCopies = new Copies(shared);
    this.erasures = new Erasures(options);
    this.growth = new Growth({
      ...shared,
      mustFind: (id) => this.mustFind(id),
      lookUpNow: (id) => this.#lookUpNow(id),
    });
    this.#creation = new Creation({ ...shared, volumeCopies: this.volumeCopies });
    this.#removal = new VolumeRemoval({ ...shared, volumeCopies: this.volumeCopies, rooms: this.growth.rooms });
  }

  inventory(): Inventory {
    return { ...this.#options.cache.current(), news: this.#news };
  }

  /** Sets what the inventory says beyond the state of LVM, and returns whether that is a change. */
  announce(news: News): boolean {
    if (isDeepStrictEqual(news, this.#news)) return false;
    this.#news = news;
    return true;
  }

  async find(id: VolumeId, _signal: AbortSignal): Promise<Volume | undefined> {
    const { cache } = this.#options;
    if (!cache.current().volumes.has(id)) this.#creation.refuseInFlight(id);
    // A controller also looks for volumes that it is about to create.
    const volume = await cache.find(id, { mayBeNew: true });
    // A creation may have begun while LVM answered.
    if (!volume) this.#creation.refuseInFlight(id);
    return volume;
  }

  create(spec: VolumeSpec, signal: AbortSignal): Promise<Volume> {
    return this.#creation.create(spec, signal);
  }

  remove(id: VolumeId, signal: AbortSignal, goneFrom?: NodeName): Promise<void> {
    return this.#removal.remove(id, signal, goneFrom);
  }

  removeInline(id: VolumeId, signal: AbortSignal): Promise<void> {
    return this.#removal.removeInline(id, signal);
  }

  expand(id: VolumeId, size: SizeRange, signal: AbortSignal): Promise<Volume> {
    return this.growth.expand(id, size, signal);
  }

  async modify(id: VolumeId, change: QosChange, signal: AbortSignal): Promise<Volume> {
    return this.locks.hold(id, 'ControllerModifyVolume', async () => {
      const { group } = await this.mustFind(id);
      return await this.#options.writer.exclusive(group, signal, async () => {
        await this.#admission.settle();
        return changeQos({ ...this.#options, admission: this.#admission }, await this.#lookUpNow(id), change);
      });
    });
  }

  async retain(id: VolumeId, signal: AbortSignal): Promise<Volume> {
    return this.locks.hold(id, 'RetainVolume', async () =>
      recordRetained(this.#options, await this.mustFind(id), signal),
    );
  }

  /** Without the volume's lock: a pod that starts meanwhile must not wait for its kubelet's next try. The group's turn is enough. */
  async record(id: VolumeId, persistentVolume: string, signal: AbortSignal): Promise<Volume> {
    const { group } = await this.mustFind(id);
    return await this.#options.writer.exclusive(group, signal, async () => {
      return recordPersistentVolume(this.#options, await this.#lookUpNow(id), persistentVolume);
    });
  }

  /**
   * Finishes the volume's creation if that was interrupted, marks the volume as open and activates it if it is inactive. Throws
   * `not-found`, only after a successful report.
   */
  async activate(id: VolumeId, signal: AbortSignal): Promise<OpenVolume> {
    const found = await this.mustFind(id);
    if (found.role !== 'inline') refusePassive(found);
    refuseCopying(found);
    const ready = found.state === 'creating' ? await this.finish(found, signal) : found;
    if (!ready) throw this.#notFound(id);
    refuseCopying(ready);
    return this.#activation.open(ready, signal);
  }

  /** Throws `not-found`, only after a successful report. */
  async mustFind(id: VolumeId): Promise<Volume> {
    const volume = await this.#options.cache.find(id);
    if (!volume) throw this.#notFound(id);
    return volume;
  }

  /** The path of the logical volume's device; the device need not exist. */
  deviceOf({ group, lv }: Volume): string {
    return devicePath(group, lv);
  }

  async recordUse(id: VolumeId, use: VolumeUse): Promise<void> {
    await recordUse(this.#options, await this.mustFind(id), use);
  }

  async recordHeader(id: VolumeId): Promise<void> {
    await recordHeader(this.#options, await this.mustFind(id));
  }

  async recordRotation(id: VolumeId, rotated: number): Promise<void> {
    await recordRotation(this.#options, await this.mustFind(id), rotated);
  }

  volumeLimit(): number {
    return this.#options.devices.volumeLimit(this.inventory());
  }

  /** Finishes a creation that was interrupted; `undefined`: LVM had only begun it, and its remains were removed. */
  finish(volume: Volume, signal?: AbortSignal): Promise<Volume | undefined> {
    return this.#creation.finish(volume, signal);
  }

  /** The volume as LVM shows it now. Call it only within the group's turn. */
  async #lookUpNow(id: VolumeId): Promise<{ volume: Volume; row: ReportRow }> {
    const found = await this.mustFind(id);
    const now = await lookUp(this.#options, found);
    if (!now) throw this.#notFound(id);
    const { row } = now;
    const volume = toVolume(decodeLv(row), found.pool, this.node) ?? found;
    refusePassive(volume);
    refuseCopying(volume);
    return { volume, row };
  }

  #notFound(id: VolumeId): Failure {
    return new Failure('not-found', `volume ${id} does not exist on node ${this.node}`);
  }
}
