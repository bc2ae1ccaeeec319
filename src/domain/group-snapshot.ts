import { Failure } from './errors.ts';
import type { GroupSnapshotId, VolumeId } from './ids.ts';
import type { Snapshot } from './snapshot.ts';
import type { SnapshotRoom } from './snapshot-room.ts';

/** Snapshots of several volumes of one node at one moment: no write in one of them depends on a write that another one lacks. */
export interface GroupSnapshot {
  readonly id: GroupSnapshotId;
  /** One of each volume, in the order of ids. */
  readonly members: readonly Snapshot[];
}

/** A group snapshot to take. */
export interface GroupSnapshotSpec {
  /** The CSI name; the storage derives the ids from it. */
  readonly name: string;
  /** At least one, none of them twice. */
  readonly sources: readonly VolumeId[];
  /** Of each member that is thick; absent: that of its volume. */
  readonly room?: SnapshotRoom | undefined;
}

/** The group snapshots of one node. Every method may throw `unavailable` if the state could not be read, and `busy`. */
export interface GroupSnapshots {
  /** `undefined` only after a successful report that does not show all of its members. */
  find(id: GroupSnapshotId, signal: AbortSignal): Promise<GroupSnapshot | undefined>;
  /**
   * The existing group snapshot of that name, else a new one; the volumes may be in use. Throws `not-found` for a volume that does not exist,
   * `exists`, `exhausted`, and `unavailable` if writes would have paused for too long; nothing is left then.
   */
  take(spec: GroupSnapshotSpec, signal: AbortSignal): Promise<GroupSnapshot>;
  /**
   * Removes all members. Succeeds also if there are none. Throws `invalid`, and removes nothing, if `listed` is not empty and is not the list of members.
   */
  remove(id: GroupSnapshotId, listed: readonly string[], signal: AbortSignal): Promise<void>;
}

/** The members of a group snapshot among a node's snapshots, in the order of ids. */
export function membersOf(snapshots: Iterable<Snapshot>, id: GroupSnapshotId): Snapshot[] {
  return [...snapshots].filter(({ memberOf }) => memberOf?.id === id).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Whether the members are all that the group snapshot was taken with, and none was cut off; the content of one may be lost. */
export function isComplete(members: readonly Snapshot[]): boolean {
  return (
    members.length > 0 &&
    members.every(({ memberOf, state }) => state !== 'creating' && memberOf?.members === members.length)
  );
}

/** Throws `exists` for a group snapshot of other volumes than are asked for. */
export function refuseOtherSources(members: readonly Snapshot[], { name, sources }: GroupSnapshotSpec): void {
  const taken = members.map(({ source }) => source).sort();
  if (taken.join() === [...sources].sort().join()) return;
  throw new Failure(
    'exists',
    `group snapshot "${name}" exists: it was taken of ${taken.join(', ')}, not of ${sources.join(', ')}`,
  );
}

/** Throws `invalid` unless the list is empty or has the members. If some are removed already, it may have those, too. */
export function refuseOtherMembers(id: GroupSnapshotId, members: readonly Snapshot[], listed: readonly string[]): void {
  if (listed.length === 0 || members.length === 0) return;
  const ids = members.map((member) => member.id);
  const missing = ids.filter((member) => !listed.includes(member));
  const foreign = isComplete(members) ? listed.filter((member) => !(ids as string[]).includes(member)) : [];
  if (missing.length + foreign.length === 0) return;
  throw new Failure(
    'invalid',
    `snapshot_ids: group snapshot ${id} has the members ${ids.join(', ')}, not ${listed.join(', ')}`,
  );
}
