import { Failure, isFailure } from '../../domain/errors.ts';
import {
  type GroupSnapshot,
  type GroupSnapshots,
  type GroupSnapshotSpec,
  isComplete,
  membersOf,
  refuseOtherMembers,
  refuseOtherSources,
} from '../../domain/group-snapshot.ts';
import { type GroupSnapshotId, snapshotIdFor, type VgName } from '../../domain/ids.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import { contentIn, type Volume } from '../../domain/volume.ts';
import { createInactive, listThinIds, lvchangeTags } from '../arguments.ts';
import type { CopiesTogether, ThinCopy } from './copies-together.ts';
import type { Devices } from '../devices.ts';
import { lvmFailure } from '../failures.ts';
import { devicePath, groupSnapshotNames } from '../names.ts';
import { afterGrowth } from '../prediction.ts';
import { lookUpForRemoval } from '../removal.ts';
import { decodeLv } from '../records.ts';
import { toVolume } from '../volume-records.ts';
import { snapshotTags } from './snapshot-records.ts';
import type { LocalSnapshots, LocalSnapshotsOptions } from './snapshots.ts';
import { tag } from '../tags.ts';

export interface LocalGroupSnapshotsOptions extends LocalSnapshotsOptions {
  readonly snapshots: LocalSnapshots;
  readonly copies: CopiesTogether;
  readonly devices: Pick<Devices, 'exists'>;
}

/** A member that is being taken. */
interface Taking {
  readonly volume: Volume;
  readonly snapshot: Snapshot;
}

/** The same for all members. */
type Common = Pick<Snapshot, 'name' | 'memberOf' | 'taken'>;

/**
 * The group snapshots of this machine's thin volumes: members with tags that name the group. All of them have the tag `state=creating` until the last one is
 * taken, so that one that was cut off is removed as a whole.
 */
export class LocalGroupSnapshots implements GroupSnapshots {
  readonly #options: LocalGroupSnapshotsOptions;

  constructor(options: LocalGroupSnapshotsOptions) {
    this.#options = options;
  }

  async find(id: GroupSnapshotId, _signal: AbortSignal): Promise<GroupSnapshot | undefined> {
    return this.#look(id);
  }

  async take(spec: GroupSnapshotSpec, signal: AbortSignal): Promise<GroupSnapshot> {
    const { node, locks } = this.#options;
    const { id } = groupSnapshotNames(node, spec.name);
    return locks.hold(id, 'CreateVolumeGroupSnapshot', async () => {
      const existing = await this.#look(id, { mayBeNew: true });
      if (existing) {
        refuseOtherSources(existing.members, spec);
        return existing;
      }
      await this.#removeAll(id, signal);
      return this.#holdAll(spec, signal, async (volumes) => ({ id, members: await this.#take(id, spec, volumes) }));
    });
  }

  async remove(id: GroupSnapshotId, listed: readonly string[], signal: AbortSignal): Promise<void> {
    return this.#options.locks.hold(id, 'DeleteVolumeGroupSnapshot', async () => {
      await this.#look(id);
      refuseOtherMembers(id, this.#members(id), listed);
      await this.#removeAll(id, signal);
    });
  }

  /**
   * Removes a group snapshot that was cut off, except one that a call works on. Throws as `remove` does: a member in a missing volume group would stay
   * alone, with nothing to say that it was cut off.
   */
  async undo(id: GroupSnapshotId, signal: AbortSignal): Promise<void> {
    return this.#options.locks.hold(id, 'the removal of an unfinished group snapshot', async () => {
      if (!(await this.#look(id))) await this.#removeAll(id, signal);
    });
  }

  /** `undefined` only after a successful report. */
  async #look(id: GroupSnapshotId, { mayBeNew = false } = {}): Promise<GroupSnapshot | undefined> {
    const { cache } = this.#options;
    if (!isComplete(this.#members(id))) {
      await cache.refresh();
      cache.refuseUnproven(`a member of group snapshot ${id}`, { mayBeNew, newSnapshot: mayBeNew ? id : undefined });
    }
    const members = this.#members(id);
    for (const member of members) cache.refuseContested(member.id);
    return isComplete(members) ? { id, members } : undefined;
  }

  #members(id: GroupSnapshotId): Snapshot[] {
    return membersOf(this.#options.cache.current().snapshots.values(), id);
  }

  async #removeAll(id: GroupSnapshotId, signal: AbortSignal): Promise<void> {
    const { snapshots, copies } = this.#options;
    const members = this.#members(id);
    if (members.some(({ state }) => state === 'creating'))
      await copies.resume([...new Set(members.map(({ group }) => group))]);
    for (const member of members) await snapshots.removeMember(member, signal);
  }

  /** Locks the volumes, one within the other, and takes turns of their groups, in the order of names: two calls do not wait for each other. */
  async #holdAll<T>(
    { sources }: GroupSnapshotSpec,
    signal: AbortSignal,
    task: (volumes: readonly Volume[]) => Promise<T>,
  ): Promise<T> {
    const { locks, snapshots, writer } = this.#options;
    const volumes: Volume[] = [];
    const locked = async ([source, ...rest]: readonly Volume['id'][]): Promise<T> => {
      if (source === undefined) return inTurns([...new Set(volumes.map(({ group }) => group))].sort());
      return locks.hold(source, 'CreateVolumeGroupSnapshot', async () => {
        const volume = await snapshots.sourceOf(source);
        refuseOtherLayout(volume);
        volumes.push(volume);
        return locked(rest);
      });
    };
    const inTurns = async ([group, ...rest]: readonly VgName[]): Promise<T> =>
      group === undefined ? task(volumes) : writer.exclusive(group, signal, () => inTurns(rest));
    return locked([...sources].sort());
  }

  /** Call it only within the turns of all groups. */
  async #take(id: GroupSnapshotId, spec: GroupSnapshotSpec, volumes: readonly Volume[]): Promise<Snapshot[]> {
    const { writer, cache, snapshots, now = Date.now } = this.#options;
    const what = `group snapshot "${spec.name}" could not be taken`;
    const common = { name: spec.name, memberOf: { id, members: volumes.length }, taken: now() };
    const made: Taking[] = [];
    try {
      for (const volume of volumes) made.push(await this.#createMember(what, common, volume));
      await this.#copyAll(what, made);
      for (const { snapshot } of made)
        await writer.change(what, lvchangeTags(snapshot.group, snapshot.lv, { remove: tag('state', 'creating') }));
    } catch (error) {
      // What cannot be removed now, the job for creations that were cut off removes.
      for (const { snapshot } of made) await snapshots.removeInTurn(snapshot).catch(() => undefined);
      throw error;
    }
    for (const { snapshot } of made) cache.putSnapshot({ ...snapshot, state: 'ready' });
    return this.#members(id);
  }

  /** The logical volume of a member, without content. */
  async #createMember(what: string, common: Common, known: Volume): Promise<Taking> {
    const { node, cache, writer, admission } = this.#options;
    await admission.settle();
    const found = await lookUpForRemoval(this.#options, known, what);
    const record = found && decodeLv(found.row);
    if (!record?.thinPool) throw new Failure('not-found', `volume ${known.id} does not exist on node ${node}`);
    const volume = toVolume(record, known.pool, node) ?? known;
    const pool = await admission.forSnapshot(volume.pool, { type: 'thin' }, volume.size);
    const { group, size, erase } = volume;
    const lv = groupSnapshotNames(node, common.name).lvOf(volume.id);
    const place = { node, source: volume.id, pool: volume.pool, group, lv, size, ...contentIn(volume), erase };
    const snapshot: Snapshot = { ...common, ...place, id: snapshotIdFor(node, lv), state: 'creating' };
    const placed = { group, lv, size, thinPool: record.thinPool, tags: snapshotTags(snapshot) };
    await admission.track(() => writer.change(what, createInactive(placed)));
    cache.putSnapshot(snapshot);
    cache.putPool(afterGrowth(pool, { type: 'thin' }, size));
    return { volume, snapshot };
  }

  async #copyAll(what: string, made: readonly Taking[]): Promise<void> {
    try {
      await this.#options.copies.take(await Promise.all(made.map((one) => this.#copyOf(what, one))));
    } catch (error) {
      if (isFailure(error)) throw new Failure(error.kind, `${what}: ${error.message}`, { cause: error });
      throw error;
    }
  }

  async #copyOf(what: string, { volume, snapshot }: Taking): Promise<ThinCopy> {
    const { lvm, devices } = this.#options;
    const { group, lv } = volume;
    const answer = await lvm.reportForChange(listThinIds(group, [lv, snapshot.lv]));
    if (!answer.ok) throw lvmFailure(what, answer.messages);
    const [origin, copy] = [lv, snapshot.lv].map((name) => answer.rows.find((row) => row['lv_name'] === name));
    const [pool, originId, copyId] = [origin?.['pool_lv'], origin?.['thin_id'], copy?.['thin_id']];
    if (!pool || !originId || !copyId || copy?.['pool_lv'] !== pool)
      throw new Failure('unavailable', `${what}: LVM does not show volume ${volume.id} in a thin pool`);
    const device = (await devices.exists(devicePath(group, lv))) ? lv : undefined;
    return { group, thinPool: pool as ThinCopy['thinPool'], origin: originId, copy: copyId, device };
  }
}

/** Throws `unimplemented`: only thin volumes can be copied while writes are paused. */
function refuseOtherLayout({ id, layout }: Volume): void {
  if (layout.type === 'thin') return;
  throw new Failure('unimplemented', `volume ${id} is not thin: group snapshots are offered for thin volumes only`);
}
