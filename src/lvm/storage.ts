import { roundedSize } from '../domain/capacity.ts';
import type { SizeRange } from '../domain/bytes.ts';
import { incompatibilities } from '../domain/compatibility.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import { type NodeName, parseVolumeId, type VolumeId, volumeIdFor } from '../domain/ids.ts';
import { applyChange, type QosChange } from '../domain/qos.ts';
import type { Inventory, NodeVolumes, Storage, VolumeLocks } from '../domain/storage.ts';
import {
  knownLayout,
  type OpenVolume,
  refusePassive,
  type Volume,
  type VolumeSpec,
  type VolumeUse,
} from '../domain/volume.ts';
import { Activation, type ActivationOptions } from './activation.ts';
import { BootMarks } from './boot-marks.ts';
import { createVolume, extendVolume, removeVolume, lvchangeTags } from './arguments.ts';
import { lookUp } from './look-up.ts';
import type { Lvm, LvmArguments } from './lvm.ts';
import { devicePath, lvNameFor } from './names.ts';
import { afterGrowth } from './prediction.ts';
import { qosTags } from './qos.ts';
import { removeGiven } from './remove-given.ts';
import { creationTags, decodeLv, toVolume } from './records.ts';
import type { ReportRow } from './report.ts';
import { Admission, keepSize } from './admission.ts';
import { tag } from './tags.ts';

export interface LocalStorageOptions extends Omit<ActivationOptions, 'marks'> {
  readonly node: NodeName;
  readonly lvm: Lvm;
  readonly locks: VolumeLocks;
  /** The id of this boot of the machine. */
  readonly boot: string;
}

const creation = 'CreateVolume';

/** The volumes of this machine, kept by LVM alone. */
export class LocalStorage implements Storage, NodeVolumes {
  readonly node: NodeName;
  readonly locks: VolumeLocks;
  readonly marks: BootMarks;
  readonly #options: LocalStorageOptions;
  readonly #activation: Activation;
  readonly #admission: Admission;

  constructor(options: LocalStorageOptions) {
    this.node = options.node;
    this.locks = options.locks;
    this.#options = options;
    this.marks = new BootMarks(options);
    this.#activation = new Activation({ ...options, marks: this.marks });
    this.#admission = new Admission(options.node, options.cache);
  }

  inventory(): Inventory {
    return this.#options.cache.current();
  }

  async find(id: VolumeId, _signal: AbortSignal): Promise<Volume | undefined> {
    const { cache } = this.#options;
    const refuse = (): void => {
      if (this.locks.holder(id) === creation) throw new Failure('busy', `volume ${id} is being created: try again`);
    };
    if (!cache.current().volumes.has(id)) refuse();
    // A controller also looks for names that are to be created.
    const volume = await cache.find(id, { mayBeNew: true });
    // A creation may have begun beside the report.
    if (!volume) refuse();
    return volume;
  }

  async create(spec: VolumeSpec, signal: AbortSignal): Promise<Volume> {
    const lv = lvNameFor(spec.name);
    const id = volumeIdFor(this.node, lv);
    return this.locks.hold(id, creation, async () => {
      try {
        const { group } = this.#admission.pool(spec.pool).spec;
        return await this.#options.writer.exclusive(group, signal, async () => {
          await this.#admission.settle();
          const existing = await this.#existing(id);
          if (existing) return this.#reuse(existing, spec);
          return this.#make(id, spec);
        });
      } catch (error) {
        if (isFailure(error, 'exhausted')) await this.#refuseExisting(id, error);
        throw error;
      }
    });
  }

  async remove(id: VolumeId, signal: AbortSignal, goneFrom?: NodeName): Promise<void> {
    return this.locks.hold(id, 'DeleteVolume', async () => {
      const volume = await this.#options.cache.find(id, { goneFrom });
      if (volume) await this.#removeVolume(volume, signal, goneFrom);
      // Last: until then it says where else the volume may be.
      if (goneFrom !== undefined) await removeGiven(this.#options, id, signal);
    });
  }

  async expand(id: VolumeId, size: SizeRange, signal: AbortSignal): Promise<Volume> {
    return this.locks.hold(id, 'ControllerExpandVolume', async () => {
      const { group } = await this.mustFind(id);
      return await this.#options.writer.exclusive(group, signal, async () => {
        await this.#admission.settle();
        const { volume: found } = await this.#lookUpNow(id);
        const wanted = roundedSize(this.#admission.pool(found.pool), knownLayout(found), size);
        if (found.size >= wanted) return keepSize(found, size);
        const pool = await this.#admission.forGrowth(found, wanted);
        await this.#change(`volume ${id} could not be extended`, extendVolume(found.group, found.lv, wanted));
        const volume = { ...found, size: wanted };
        this.#options.cache.put(volume);
        this.#options.cache.putPool(afterGrowth(pool, knownLayout(found), wanted - found.size));
        return volume;
      });
    });
  }

  async modify(id: VolumeId, change: QosChange, signal: AbortSignal): Promise<Volume> {
    return this.locks.hold(id, 'ControllerModifyVolume', async () => {
      const { group } = await this.mustFind(id);
      return await this.#options.writer.exclusive(group, signal, async () => {
        await this.#admission.settle();
        const { volume: current, row } = await this.#lookUpNow(id);
        const volume = { ...current, qos: applyChange(current.qos, change) };
        const tags = qosTags(id, row, volume.qos);
        if (!tags) return current;
        await this.#admission.forChange(current, volume.qos);
        await this.#change(
          `the limits of volume ${id} could not be changed`,
          lvchangeTags(current.group, current.lv, tags),
        );
        this.#options.cache.put(volume);
        return volume;
      });
    });
  }

  async retain(id: VolumeId, signal: AbortSignal): Promise<Volume> {
    return this.locks.hold(id, 'RetainVolume', async () => {
      const volume = await this.mustFind(id);
      if (volume.retained) return volume;
      const retained = { ...volume, retained: true as const };
      const what = `volume ${id} could not be marked as retained`;
      await this.#options.writer.retag(what, volume, { add: tag('retain', 'yes') }, signal);
      this.#options.cache.put(retained);
      return retained;
    });
  }

  /** Activates the logical volume where it is not, and marks it as open. Throws `not-found`, only after a successful report. */
  async activate(id: VolumeId, signal: AbortSignal): Promise<OpenVolume> {
    const volume = await this.mustFind(id);
    refusePassive(volume);
    return this.#activation.open(volume, signal);
  }

  /** Throws `not-found`, only after a successful report. */
  async mustFind(id: VolumeId): Promise<Volume> {
    const volume = await this.#options.cache.find(id);
    if (!volume) throw new Failure('not-found', `volume ${id} does not exist on node ${this.node}`);
    return volume;
  }

  /** The path of the logical volume's device, whether it is there or not. */
  deviceOf({ group, lv }: Volume): string {
    return devicePath(group, lv);
  }

  async recordUse(id: VolumeId, use: VolumeUse): Promise<void> {
    const volume = await this.mustFind(id);
    const tags = { remove: tag('fs', volume.filesystem), add: tag('fs', use) };
    await this.#options.writer.retag(`the first use of volume ${id} could not be recorded`, volume, tags);
    this.#options.cache.put({ ...volume, filesystem: use });
  }

  volumeLimit(): number {
    return this.#options.devices.volumeLimit(this.inventory());
  }

  /** Ends a creation that was interrupted; `undefined`: it had only begun, and was removed. */
  finish(volume: Volume, signal?: AbortSignal): Promise<Volume | undefined> {
    return this.#activation.finish(volume, signal);
  }

  async #make(id: VolumeId, spec: VolumeSpec): Promise<Volume> {
    const { cache } = this.#options;
    const { pool, size } = await this.#admission.forNew(id, spec);
    const { group } = pool.spec;
    const lv = lvNameFor(spec.name);
    const state = spec.layout.type === 'thick' ? 'creating' : 'ready';
    const { name, layout, mkfsOptions, qos } = spec;
    const { node } = this;
    const volume: Volume = {
      id,
      node,
      name,
      layout,
      mkfsOptions,
      qos,
      pool: spec.pool,
      group,
      lv,
      size,
      filesystem: 'none',
      state,
    };
    const thinPool = cache.thinPoolLv(pool.spec);
    const command = createVolume({ group, lv, size, layout, thinPool, tags: creationTags(volume) });
    try {
      await this.#change(`volume "${name}" could not be created`, command);
    } catch (error) {
      // The writer has read the state again: what made LVM refuse the name may be this very volume.
      const existing = isFailure(error, 'exists') ? cache.current().volumes.get(id) : undefined;
      if (existing) return this.#reuse(existing, spec);
      throw error;
    }
    cache.put(volume);
    cache.putPool(afterGrowth(pool, layout, size));
    return state === 'creating' ? this.#activation.markReady(volume) : volume;
  }

  async #removeVolume(volume: Volume, signal: AbortSignal, goneFrom: NodeName | undefined): Promise<void> {
    const { cache, writer } = this.#options;
    const { id, group, lv } = volume;
    await writer.exclusive(group, signal, async () => {
      const row = await lookUp(this.#options, volume, goneFrom);
      if (!row) return cache.drop(id);
      const { role } = toVolume(decodeLv(row), volume.pool, this.node) ?? volume;
      const isCopy = role !== undefined && role !== 'leaving' && parseVolumeId(id)?.node === this.node;
      // Without a record it is not known which node has the volume.
      if (isCopy && goneFrom === undefined) refusePassive({ ...volume, role });
      await this.#activation.refuseInUse(volume);
      await writer.change(`volume ${id} could not be removed`, removeVolume(group, lv));
      cache.drop(id);
      const pool = this.inventory().pools.get(volume.pool);
      if (pool) cache.putPool(afterGrowth(pool, knownLayout(volume), -volume.size));
    });
  }

  /** Want of room sends the name to another node: it must not be there already, seen or where nobody can look now. */
  async #refuseExisting(id: VolumeId, cause: Failure): Promise<void> {
    if (!(await this.#options.cache.find(id, { mayBeNew: true }))) return;
    throw new Failure('unavailable', `volume ${id} exists; ${cause.message}`, { cause });
  }

  /** A name that memory knows is looked up again: nothing is acknowledged that LVM does not show. */
  async #existing(id: VolumeId): Promise<Volume | undefined> {
    const { cache } = this.#options;
    cache.refuseContested(id);
    cache.refuseGiven(id);
    return cache.current().volumes.has(id) ? (await cache.refresh()).volumes.get(id) : undefined;
  }

  /** The volume as LVM shows it now. Only within the group's turn. */
  async #lookUpNow(id: VolumeId): Promise<{ volume: Volume; row: ReportRow }> {
    const found = await this.mustFind(id);
    const row = await lookUp(this.#options, found);
    if (!row) throw new Failure('not-found', `volume ${id} does not exist on node ${this.node}`);
    const volume = toVolume(decodeLv(row), found.pool, this.node) ?? found;
    refusePassive(volume);
    return { volume, row };
  }

  /** For what bears on promises. */
  async #change(what: string, argv: LvmArguments): Promise<void> {
    try {
      await this.#options.writer.change(what, argv);
    } catch (error) {
      this.#admission.doubt();
      throw error;
    }
  }

  async #reuse(existing: Volume, spec: VolumeSpec): Promise<Volume> {
    const problems = incompatibilities(existing, spec);
    refusePassive(existing);
    if (problems.length > 0) {
      throw new Failure('exists', `volume "${spec.name}" exists and does not fit the request: ${problems.join('; ')}`);
    }
    if (existing.state === 'ready') return existing;
    return (await this.#activation.undo(existing)) ? this.#make(existing.id, spec) : this.#activation.wipe(existing);
  }
}
