import { type LvName, type NodeName, type SnapshotId, snapshotIdFor } from '../../domain/ids.ts';
import { Failure } from '../../domain/errors.ts';
import type { Bytes } from '../../domain/bytes.ts';
import { refuseOtherSource, type Snapshot, type Snapshots, type SnapshotSpec } from '../../domain/snapshot.ts';
import { defaultRoom, roomFor, type SnapshotRoom } from '../../domain/snapshot-room.ts';
import type { VolumeLocks } from '../../domain/storage.ts';
import { contentIn, knownLayout, type Layout, refusePassive, type Volume } from '../../domain/volume.ts';
import type { BlockQuery, Extent } from '../../domain/changed-blocks.ts';
import type { Activation } from '../activation.ts';
import type { Admission } from '../admission.ts';
import { lvchangeTags, snapshotThick, snapshotVolume } from '../arguments.ts';
import type { InventoryCache } from '../cache.ts';
import type { CopiesTogether } from './copies-together.ts';
import { readBlocks } from '../blocks/changed-blocks.ts';
import { retire } from '../erasure/retirement.ts';
import { lookUp } from '../look-up.ts';
import type { Lvm, LvmArguments } from '../process/lvm.ts';
import { snapshotLvNameFor } from '../names.ts';
import { afterGrowth } from '../prediction.ts';
import { decodeLv } from '../records.ts';
import { lookUpForRemoval } from '../removal.ts';
import { snapshotTags } from './snapshot-records.ts';
import { tag } from '../tags.ts';
import type { ThinMetadata } from '../blocks/thin-metadata.ts';
import type { Writer } from '../writer.ts';

/** A thick snapshot's room is linear, whatever the layout of its volume. */
export const linear: Layout = { type: 'thick', stripes: 1, stripeSize: 0n, mirrors: 0 };

/** The bytes that count against a pool, and how. A thin snapshot counts as what it may grow to. */
function counted({ size, room }: Pick<Snapshot, 'size' | 'room'>): { readonly layout: Layout; readonly size: Bytes } {
  return room === undefined ? { layout: { type: 'thin' }, size } : { layout: linear, size: room };
}

export interface LocalSnapshotsOptions {
  readonly node: NodeName;
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
  readonly writer: Writer;
  readonly locks: VolumeLocks;
  readonly admission: Admission;
  readonly activation: Activation;
  readonly thinMetadata: ThinMetadata;
  readonly copies: Pick<CopiesTogether, 'abandon'>;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/**
 * The snapshots of this machine's volumes. Those of thin volumes are inactive thin volumes that share blocks with the one that they were taken of, those of
 * thick volumes are copy-on-write. A new one has the tag `state=creating` until it is certain that the kernel has it: LVM commits a snapshot to its
 * metadata first, and after a crash it would get the content of a later moment. Such a one is taken again, or removed.
 */
export class LocalSnapshots implements Snapshots {
  readonly #options: LocalSnapshotsOptions;

  constructor(options: LocalSnapshotsOptions) {
    this.#options = options;
  }

  async find(id: SnapshotId, _signal: AbortSignal): Promise<Snapshot | undefined> {
    const found = await this.#options.cache.findSnapshot(id);
    return found?.state === 'creating' ? undefined : found;
  }

  async take(spec: SnapshotSpec, signal: AbortSignal): Promise<Snapshot> {
    const { node, locks, cache } = this.#options;
    const id = snapshotIdFor(node, snapshotLvNameFor(spec.name));
    return locks.hold(id, 'CreateSnapshot', async () => {
      const existing = await cache.findSnapshot(id, { mayBeNew: true });
      if (existing) refuseOtherSource(existing, spec);
      if (existing && existing.state !== 'creating') return existing;
      // A stage of the volume may be making its filesystem.
      return locks.hold(spec.source, 'CreateSnapshot', async () => {
        const volume = await this.sourceOf(spec.source);
        if (existing) await this.#remove(existing, signal);
        return this.#take(spec, volume, signal);
      });
    });
  }

  async remove(id: SnapshotId, signal: AbortSignal): Promise<void> {
    const { locks, cache } = this.#options;
    return locks.hold(id, 'DeleteSnapshot', async () => {
      const snapshot = await cache.findSnapshot(id);
      if (snapshot) refuseMember(snapshot);
      if (snapshot) await this.#remove(snapshot, signal);
    });
  }

  /** Removes a member of a group snapshot. The caller holds the lock of the group snapshot. */
  async removeMember(member: Snapshot, signal: AbortSignal): Promise<void> {
    return this.#options.locks.hold(member.id, 'DeleteVolumeGroupSnapshot', () => this.#remove(member, signal));
  }

  blocks(query: BlockQuery, signal: AbortSignal): AsyncIterable<readonly Extent[]> {
    return readBlocks(this.#options, query, signal);
  }

  /** Removes snapshots that were cut off, except one that a call works on. Throws as `remove` does. */
  async undo({ id }: Pick<Snapshot, 'id'>, signal: AbortSignal): Promise<void> {
    const { locks, cache } = this.#options;
    return locks.hold(id, 'the removal of an unfinished snapshot', async () => {
      const snapshot = await cache.findSnapshot(id);
      if (snapshot?.state === 'creating') await this.#remove(snapshot, signal);
    });
  }

  /** The volume that is to be taken. Throws `not-found`, and `unavailable` for one that cannot be used now. */
  async sourceOf(source: Volume['id']): Promise<Volume> {
    const volume = await this.#options.cache.find(source);
    if (!volume) throw new Failure('not-found', `volume ${source} does not exist on node ${this.#options.node}`);
    refusePassive(volume);
    if (volume.state === 'ready') return volume;
    throw new Failure('unavailable', `volume ${source} is not finished yet: try again`);
  }

  async #take(spec: SnapshotSpec, volume: Volume, signal: AbortSignal): Promise<Snapshot> {
    const { cache, writer, now = Date.now } = this.#options;
    const { name, room } = spec;
    const { group } = volume;
    const what = `snapshot "${name}" of volume ${volume.id} could not be taken`;
    return writer.exclusive(group, signal, async () => {
      const lv = snapshotLvNameFor(name);
      const taken = await this.createInTurn(what, volume, { name, taken: now() }, { lv, room });
      await writer.change(what, lvchangeTags(group, lv, { remove: tag('state', 'creating') }));
      const ready = { ...taken, state: 'ready' as const };
      cache.putSnapshot(ready);
      return ready;
    });
  }

  /**
   * Makes a snapshot that has the tag `state=creating`; it has the content of this moment. Call it only within the group's turn. Throws `not-found` and
   * `exhausted`; `what` begins the message.
   */
  async createInTurn(
    what: string,
    volume: Volume,
    common: Pick<Snapshot, 'name' | 'taken' | 'memberOf'>,
    { lv, room: wanted }: { readonly lv: LvName; readonly room?: SnapshotRoom | undefined },
  ): Promise<Snapshot> {
    const { node, cache, writer, admission } = this.#options;
    await admission.settle();
    // Right before the change, so that LVM knows whether there is a device to suspend: see createChanges.
    if (!(await lookUp(this.#options, volume)))
      throw new Failure('not-found', `volume ${volume.id} does not exist on node ${node}`);
    const current = cache.current().volumes.get(volume.id) ?? volume;
    const { size, erase } = current;
    const { group, pool: poolName } = volume;
    const room = this.#roomFor(wanted, { ...volume, size });
    const space = counted({ size, ...room });
    const pool = await admission.forSnapshot(poolName, space.layout, space.size);
    const place = { node, source: volume.id, pool: poolName, group, lv, size, ...contentIn(current), erase, ...room };
    const taken: Snapshot = { ...common, ...place, id: snapshotIdFor(node, lv), state: 'creating' };
    await admission.track(() => writer.change(what, commandFor(taken, volume.lv)));
    cache.putSnapshot(taken);
    cache.putPool(afterGrowth(pool, space.layout, space.size));
    return taken;
  }

  /** The room of a snapshot of a thick volume; nothing of a thin one. */
  #roomFor(room: SnapshotRoom | undefined, volume: Volume): { readonly room?: Bytes } {
    if (knownLayout(volume).type === 'thin') return {};
    return {
      room: roomFor(
        room ?? volume.snapshotRoom ?? defaultRoom,
        volume.size,
        this.#options.admission.pool(volume.pool).extentSize,
      ),
    };
  }

  async #remove(snapshot: Snapshot, signal: AbortSignal): Promise<void> {
    await this.#options.writer.exclusive(snapshot.group, signal, () => this.removeInTurn(snapshot));
  }

  /** Call it only within the group's turn. */
  async removeInTurn(snapshot: Snapshot): Promise<void> {
    const { cache, copies } = this.#options;
    const { id, pool: poolName } = snapshot;
    const { layout, size } = counted(snapshot);
    const what = `snapshot ${id} could not be removed`;
    if (snapshot.room !== undefined) refuseCopied(what, id, cache.current().volumes.values());
    if (snapshot.room !== undefined && snapshot.memberOf && snapshot.state === 'creating')
      await copies.abandon(snapshot.group, snapshot.lv);
    const found = await lookUpForRemoval(this.#options, snapshot, what);
    if (found) {
      // From before the removal: a report that runs meanwhile may already leave the snapshot out.
      const pool = cache.current().pools.get(poolName);
      const removed = await retire(this.#options, what, decodeLv(found.row));
      if (pool && removed) cache.putPool(afterGrowth(pool, layout, -size));
    }
    cache.dropSnapshot(id);
  }
}

/** Throws `invalid`, as CSI wants it. */
function refuseMember({ id, memberOf }: Snapshot): void {
  if (!memberOf) return;
  throw new Failure('invalid', `snapshot ${id} is a member of group snapshot ${memberOf.id}: delete that one`);
}

function commandFor(taken: Snapshot, origin: LvName): LvmArguments {
  const { group, lv, room } = taken;
  const tags = snapshotTags(taken);
  return room === undefined
    ? snapshotVolume(group, origin, { lv, tags, active: false })
    : snapshotThick(group, origin, { lv, tags, room });
}

/** Throws `precondition` while volumes are copied from a thick snapshot; from a thin one, the copy has its own. */
export function refuseCopied(what: string, snapshot: SnapshotId, volumes: Iterable<Volume>): void {
  const copies = [...volumes].filter(
    ({ state, source }) => state === 'copying' && source && 'snapshot' in source && source.snapshot === snapshot,
  );
  if (copies.length === 0) return;
  throw new Failure('precondition', `${what}: ${copies.map(({ id }) => id).join(', ')} is being copied from it`);
}
