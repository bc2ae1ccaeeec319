import { type NodeName, type SnapshotId, snapshotIdFor } from '../domain/ids.ts';
import { Failure } from '../domain/errors.ts';
import {
  refuseOtherSource,
  refuseThick,
  type Snapshot,
  type Snapshots,
  type SnapshotSpec,
} from '../domain/snapshot.ts';
import type { VolumeLocks } from '../domain/storage.ts';
import { type Layout, refusePassive, type Volume } from '../domain/volume.ts';
import type { Activation } from './activation.ts';
import type { Admission } from './admission.ts';
import { lvchangeTags, removeVolume, snapshotVolume } from './arguments.ts';
import type { InventoryCache } from './cache.ts';
import { lookUp } from './look-up.ts';
import type { Lvm } from './lvm.ts';
import { snapshotLvNameFor } from './names.ts';
import { afterGrowth } from './prediction.ts';
import { lookUpForRemoval } from './removal.ts';
import { snapshotTags } from './snapshot-records.ts';
import { tag } from './tags.ts';
import type { Writer } from './writer.ts';

const thin: Layout = { type: 'thin' };

export interface LocalSnapshotsOptions {
  readonly node: NodeName;
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
  readonly writer: Writer;
  readonly locks: VolumeLocks;
  readonly admission: Admission;
  readonly activation: Activation;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/**
 * The snapshots of this machine's thin volumes: inactive thin volumes that share blocks with the one that they were taken of. A new one has the tag
 * `state=creating` until it is certain that the thin pool has it: LVM commits a snapshot to its metadata before it sends it to the pool,
 * and after a crash would send it with the content of a later moment. Such a one is taken again, or removed.
 */
export class LocalSnapshots implements Snapshots {
  readonly #options: LocalSnapshotsOptions;

  constructor(options: LocalSnapshotsOptions) {
    this.#options = options;
  }

  async find(id: SnapshotId, _signal: AbortSignal): Promise<Snapshot | undefined> {
    const found = await this.#options.cache.findSnapshot(id);
    return found?.state === 'ready' ? found : undefined;
  }

  async take(spec: SnapshotSpec, signal: AbortSignal): Promise<Snapshot> {
    const { node, locks, cache } = this.#options;
    const id = snapshotIdFor(node, snapshotLvNameFor(spec.name));
    return locks.hold(id, 'CreateSnapshot', async () => {
      const existing = await cache.findSnapshot(id, { mayBeNew: true });
      if (existing) refuseOtherSource(existing, spec);
      if (existing?.state === 'ready') return existing;
      // A stage of the volume may be making its filesystem.
      return locks.hold(spec.source, 'CreateSnapshot', async () => {
        const volume = await this.#sourceOf(spec);
        if (existing) await this.#remove(existing, signal);
        return this.#take(id, spec.name, volume, signal);
      });
    });
  }

  async remove(id: SnapshotId, signal: AbortSignal): Promise<void> {
    const { locks, cache } = this.#options;
    return locks.hold(id, 'DeleteSnapshot', async () => {
      const snapshot = await cache.findSnapshot(id);
      if (snapshot) await this.#remove(snapshot, signal);
    });
  }

  /** Removes snapshots that were cut off, except one that a call works on. Throws as `remove` does. */
  async undo({ id }: Pick<Snapshot, 'id'>, signal: AbortSignal): Promise<void> {
    const { locks, cache } = this.#options;
    return locks.hold(id, 'the removal of an unfinished snapshot', async () => {
      const snapshot = await cache.findSnapshot(id);
      if (snapshot?.state === 'creating') await this.#remove(snapshot, signal);
    });
  }

  async #sourceOf({ source }: SnapshotSpec): Promise<Volume> {
    const volume = await this.#options.cache.find(source);
    if (!volume) throw new Failure('not-found', `volume ${source} does not exist on node ${this.#options.node}`);
    refusePassive(volume);
    refuseThick(volume);
    if (volume.state === 'ready') return volume;
    throw new Failure('unavailable', `volume ${source} is not finished yet: try again`);
  }

  async #take(id: SnapshotId, name: string, volume: Volume, signal: AbortSignal): Promise<Snapshot> {
    const { node, cache, writer, admission, now = Date.now } = this.#options;
    const { group, pool: poolName } = volume;
    const lv = snapshotLvNameFor(name);
    return writer.exclusive(group, signal, async () => {
      await admission.settle();
      const pool = await admission.forSnapshot(volume);
      // Right before the change, so that LVM knows whether there is a device to suspend: see createChanges.
      if (!(await lookUp(this.#options, volume))) {
        throw new Failure('not-found', `volume ${volume.id} does not exist on node ${node}`);
      }
      const { size, filesystem } = cache.current().volumes.get(volume.id) ?? volume;
      const place = { node, source: volume.id, pool: poolName, group, lv, size, filesystem };
      const taken: Snapshot = { id, name, ...place, taken: now(), state: 'creating' };
      const command = snapshotVolume(group, volume.lv, { lv, tags: snapshotTags(taken), active: false });
      const what = `snapshot "${name}" of volume ${volume.id} could not be taken`;
      await admission.track(() => writer.change(what, command));
      const ready = { ...taken, state: 'ready' as const };
      await writer.change(what, lvchangeTags(group, lv, { remove: tag('state', 'creating') }));
      cache.putSnapshot(ready);
      cache.putPool(afterGrowth(pool, thin, size));
      return ready;
    });
  }

  async #remove(snapshot: Snapshot, signal: AbortSignal): Promise<void> {
    const { cache, writer } = this.#options;
    const { id, group, lv, size, pool: poolName } = snapshot;
    await writer.exclusive(group, signal, async () => {
      const what = `snapshot ${id} could not be removed`;
      if (await lookUpForRemoval(this.#options, snapshot, what)) {
        await writer.change(what, removeVolume(group, lv));
        const pool = cache.current().pools.get(poolName);
        if (pool) cache.putPool(afterGrowth(pool, thin, -size));
      }
      cache.dropSnapshot(id);
    });
  }
}
