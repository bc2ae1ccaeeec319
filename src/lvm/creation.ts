import type { Bytes } from '../domain/bytes.ts';
import { incompatibilities } from '../domain/compatibility.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import { type NodeName, type PoolName, type VolumeId, volumeIdFor } from '../domain/ids.ts';
import type { Pool } from '../domain/pool.ts';
import type { VolumeLocks } from '../domain/storage.ts';
import { contentFor, type RecordedContent, refusePassive, type Volume, type VolumeSpec } from '../domain/volume.ts';
import { isZeroed } from '../domain/zeroing.ts';
import type { Activation } from './activation.ts';
import type { Admission } from './admission.ts';
import { createVolume, extendVolume, lvchangeTags, removeVolume, snapshotVolume } from './arguments.ts';
import type { InventoryCache } from './cache.ts';
import type { Copies } from './copies/copies.ts';
import type { Devices } from './devices.ts';
import { creationCutOff } from './mirrors/cut-off.ts';
import type { Lvm } from './process/lvm.ts';
import { devicePath, lvNameFor } from './names.ts';
import { afterGrowth } from './prediction.ts';
import { creationTags } from './volume-records.ts';
import { findSource, guarding, type Origin, originOf, refuseOtherSize, sizedFrom } from './snapshots/origin.ts';
import { lookUpForRemoval } from './removal.ts';
import { tag } from './tags.ts';
import type { Writer } from './writer.ts';

export interface CreationOptions {
  readonly node: NodeName;
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
  readonly writer: Writer;
  readonly devices: Devices;
  readonly locks: VolumeLocks;
  readonly admission: Admission;
  readonly activation: Activation;
  readonly volumeCopies: Copies;
}

/** The holder of a volume's lock during its creation. */
const holder = 'CreateVolume';

/**
 * Creates volumes. A thick volume has the tag `state=creating` until LVM has wiped it, a volume with a source until it has its size; a creation that was
 * cut off before that is finished or undone.
 */
export class Creation {
  readonly #options: CreationOptions;

  constructor(options: CreationOptions) {
    this.#options = options;
  }

  /** Throws `busy` while the volume is being created. */
  refuseInFlight(id: VolumeId): void {
    if (this.#options.locks.holder(id) !== holder) return;
    throw new Failure('busy', `volume ${id} is being created: try again`);
  }

  /** Creates the volume, or returns the existing one of that name if it fits. Throws `exists` if it does not fit, and `busy` while it is copied. */
  async create(spec: VolumeSpec, signal: AbortSignal): Promise<Volume> {
    const { node, locks, volumeCopies } = this.#options;
    const id = volumeIdFor(node, lvNameFor(spec.name));
    const volume = await locks.hold(id, holder, async () => {
      try {
        const made = await this.#inTurn(spec.pool, signal, async () => {
          const existing = await this.#existing(id);
          const remains = existing && isUnfinishedCopy(existing) && (await this.#undo(existing));
          return existing && !remains ? this.#reuse(existing, spec) : this.#begin(id, spec);
        });
        const begun = made ?? (await this.#makeCopy(id, spec, signal));
        if (begun) return begun;
        throw new Failure('unavailable', `volume ${id} exists: try again`);
      } catch (error) {
        if (isFailure(error, 'exhausted')) await this.#refuseExisting(id, error);
        throw error;
      }
    });
    // After the lock: the volume may be deleted meanwhile.
    return volume.state === 'copying' ? volumeCopies.settled(volume, signal) : volume;
  }

  /** Runs the task in a turn of the pool's group. */
  async #inTurn<T>(pool: PoolName, signal: AbortSignal, task: () => Promise<T>): Promise<T> {
    const { admission, writer } = this.#options;
    return writer.exclusive(admission.pool(pool).spec.group, signal, async () => {
      await admission.settle();
      return task();
    });
  }

  /**
   * Finishes a creation that was interrupted before its wipe was confirmed; nothing was written to the volume. `undefined`: LVM had only
   * begun it, and its remains were removed.
   */
  async finish(volume: Volume, signal?: AbortSignal): Promise<Volume | undefined> {
    const { cache, node, writer } = this.#options;
    return writer.exclusive(volume.group, signal, async () => {
      // While this waited for its turn, the creation may have ended and the volume may have received data.
      const current = cache.current().volumes.get(volume.id);
      if (!current) throw new Failure('not-found', `volume ${volume.id} does not exist on node ${node}`);
      if (current.state !== 'creating') return current;
      return (await this.#undo(current)) ? undefined : this.#wipe(current);
    });
  }

  /** `undefined`: the content of its source has to be copied, which needs turns of both groups. */
  async #begin(id: VolumeId, spec: VolumeSpec): Promise<Volume | undefined> {
    const { source } = spec;
    if (!source) return this.#make(id, spec);
    return guarding(this.#options.locks, source, async () => {
      const origin = await originOf(this.#options, source, spec);
      return origin.shared ? this.#make(id, sizedFrom(origin, spec), origin) : undefined;
    });
  }

  /**
   * Begins a copy. What it is copied from exists before the tag of the copy says that it is copied. `undefined`: LVM shows the volume by now.
   */
  async #makeCopy(id: VolumeId, spec: VolumeSpec, signal: AbortSignal): Promise<Volume | undefined> {
    const { admission, cache, locks, volumeCopies } = this.#options;
    const { source } = spec;
    if (!source || (await cache.refresh()).volumes.has(id)) return undefined;
    // Of an attempt that was cut off.
    await volumeCopies.sources.remove(id);
    const { pool } = await findSource(this.#options, source);
    const take = async (): Promise<Origin> => {
      const origin = await originOf(this.#options, source, spec);
      const { size } = await admission.forNew(id, sizedFrom(origin, spec), origin.size);
      refuseOtherSize(origin, size);
      await volumeCopies.sources.take({ id, lv: lvNameFor(spec.name), source }, origin);
      return origin;
    };
    try {
      const origin = await this.#inTurn(pool, signal, () => guarding(locks, source, take));
      return await this.#inTurn(spec.pool, signal, () => this.#make(id, sizedFrom(origin, spec), origin));
    } catch (error) {
      await volumeCopies.sources.remove(id);
      throw error;
    }
  }

  async #make(id: VolumeId, spec: VolumeSpec, origin?: Origin): Promise<Volume | undefined> {
    const { cache, admission, writer } = this.#options;
    const { pool, size } = await admission.forNew(id, spec, origin?.size);
    const volume = this.#newVolume(id, spec, { pool, size, origin });
    const { name, group, lv } = volume;
    const tags = creationTags(volume);
    const command = origin?.shared
      ? snapshotVolume(group, origin.lv, { lv, tags, active: true })
      : createVolume({ group, lv, size, layout: spec.layout, thinPool: cache.thinPoolLv(pool.spec), tags });
    const what = `volume "${name}" could not be created`;
    try {
      await admission.track(() => writer.change(what, command));
    } catch (error) {
      // The writer has read LVM's state again: LVM may have refused the name because this volume exists.
      const existing = isFailure(error, 'exists') ? cache.current().volumes.get(id) : undefined;
      if (existing && origin?.shared !== false) return this.#reuse(existing, spec);
      // That report may say what LVM's message does not: for a thin pool that has failed, LVM says "free space reached threshold".
      if (isFailure(error, 'exhausted')) await admission.forNew(id, spec, origin?.size);
      throw error;
    }
    if (origin?.shared && size > origin.size)
      await admission.track(() => writer.change(what, extendVolume(group, lv, size)));
    cache.put(volume);
    cache.putPool(afterGrowth(pool, spec.layout, size));
    if ((origin && !origin.shared) || isZeroed(pool.spec, volume)) return this.#mark(volume, 'copying');
    return volume.state === 'creating' ? this.#mark(volume, 'ready') : volume;
  }

  #newVolume(id: VolumeId, spec: VolumeSpec, { pool, size, origin }: NewPlace): Volume {
    const { name, layout, mkfsOptions, qos, snapshotRoom, source, inline, erase } = spec;
    const place = { node: this.#options.node, pool: spec.pool, group: pool.spec.group, lv: lvNameFor(name), size };
    const state = layout.type === 'thick' || origin ? 'creating' : 'ready';
    const content: RecordedContent = origin?.content ?? contentFor(spec, undefined);
    const owned = inline && { role: 'inline' as const, inline };
    const given = {
      ...(snapshotRoom && { snapshotRoom }),
      ...(source && { source }),
      ...(erase && { erase }),
      ...owned,
    };
    return { id, name, layout, mkfsOptions, qos, ...place, ...content, state, ...given };
  }

  async #reuse(existing: Volume, spec: VolumeSpec): Promise<Volume | undefined> {
    const problems = incompatibilities(existing, spec);
    if (existing.role !== 'inline' || !spec.inline) refusePassive(existing);
    if (problems.length > 0) {
      throw new Failure('exists', `volume "${spec.name}" exists and does not fit the request: ${problems.join('; ')}`);
    }
    if (existing.state !== 'creating') return existing;
    return (await this.#undo(existing)) ? this.#begin(existing.id, spec) : this.#wipe(existing);
  }

  /** Looks up again a volume that is in memory: only a volume that LVM shows is acknowledged. */
  async #existing(id: VolumeId): Promise<Volume | undefined> {
    const { cache } = this.#options;
    cache.refuseContested(id);
    cache.refuseGiven(id);
    cache.groups.refuseIfApart(id);
    return cache.current().volumes.has(id) ? (await cache.refresh()).volumes.get(id) : undefined;
  }

  /** `exhausted` sends the creation to another node, so it needs proof that the volume does not exist here. */
  async #refuseExisting(id: VolumeId, cause: Failure): Promise<void> {
    if (!(await this.#options.cache.find(id, { mayBeNew: true }))) return;
    throw new Failure('unavailable', `volume ${id} exists; ${cause.message}`, { cause });
  }

  /** Removes a volume that LVM has only begun: a mirrored one with its parts, or a copy that may not be whole; returns whether it did. */
  async #undo(volume: Volume): Promise<boolean> {
    const { activation, cache, writer } = this.#options;
    await cache.refresh();
    if (!isUnfinishedCopy(volume) && !creationCutOff(cache.report(), volume)) return false;
    await activation.refuseInUse(volume);
    const what = `the remains of volume ${volume.id}, whose creation was cut off, could not be removed`;
    if (isUnfinishedCopy(volume)) await lookUpForRemoval(this.#options, volume, what);
    await writer.change(what, removeVolume(volume.group, volume.lv));
    cache.drop(volume.id);
    return true;
  }

  async #wipe(volume: Volume): Promise<Volume> {
    const { activation, admission, devices } = this.#options;
    await activation.refuseInUse(volume);
    await activation.activate(volume);
    await devices.wipe(devicePath(volume.group, volume.lv));
    return this.#mark(volume, isZeroed(admission.pool(volume.pool).spec, volume) ? 'copying' : 'ready');
  }

  async #mark(volume: Volume, state: 'ready' | 'copying'): Promise<Volume> {
    const { id, group, lv } = volume;
    const remove = tag('state', 'creating');
    const add = state === 'ready' ? undefined : tag('state', state);
    const command = lvchangeTags(group, lv, { remove, add });
    await this.#options.writer.change(`volume ${id} could not be marked as ${state}`, command);
    const marked = { ...volume, state };
    this.#options.cache.put(marked);
    return marked;
  }
}

interface NewPlace {
  readonly pool: Pool;
  readonly size: Bytes;
  readonly origin: Origin | undefined;
}

/** Nobody has heard of it, and making it again takes no longer than making it whole. */
function isUnfinishedCopy({ state, source }: Volume): boolean {
  return state === 'creating' && source !== undefined;
}
