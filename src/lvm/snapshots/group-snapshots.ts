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
import type { GroupSnapshotId, VgName } from '../../domain/ids.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import type { Volume } from '../../domain/volume.ts';
import { lvchangeTags } from '../arguments.ts';
import type { CopiesTogether } from './copies-together.ts';
import type { Devices } from '../devices.ts';
import { copyOf, createMember, type Taking } from './group-members.ts';
import { groupSnapshotNames } from '../names.ts';
import type { LocalSnapshots, LocalSnapshotsOptions } from './snapshots.ts';
import { tag } from '../tags.ts';

export interface LocalGroupSnapshotsOptions extends LocalSnapshotsOptions {
  readonly snapshots: LocalSnapshots;
  readonly copies: CopiesTogether;
  readonly devices: Pick<Devices, 'exists'>;
}

/**
 * The group snapshots of this machine's volumes: members with tags that name the group. All of them have the tag `state=creating` until the last one is
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
    const common = { name: spec.name, memberOf: { id, members: volumes.length }, taken: now(), room: spec.room };
    const made: Taking[] = [];
    try {
      for (const volume of volumes) made.push(await createMember(this.#options, what, common, volume));
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

  async #copyAll(what: string, made: readonly Taking[]): Promise<void> {
    try {
      const all = await Promise.all(made.map((one) => copyOf(this.#options, what, one)));
      const copies = all.filter((copy) => copy !== undefined);
      if (copies.length > 0) await this.#options.copies.take(copies);
    } catch (error) {
      if (isFailure(error)) throw new Failure(error.kind, `${what}: ${error.message}`, { cause: error });
      throw error;
    }
  }
}
