import { MiB } from '../../src/domain/bytes.ts';
import { Failure } from '../../src/domain/errors.ts';
import {
  type GroupSnapshot,
  type GroupSnapshots,
  type GroupSnapshotSpec,
  isComplete,
  membersOf,
  refuseOtherMembers,
  refuseOtherSources,
} from '../../src/domain/group-snapshot.ts';
import { type GroupSnapshotId, snapshotIdFor } from '../../src/domain/ids.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import { defaultRoom, roomFor } from '../../src/domain/snapshot-room.ts';
import { contentIn } from '../../src/domain/volume.ts';
import { groupSnapshotNames } from '../../src/lvm/names.ts';
import { refuseUnfinished } from './memory-snapshots.ts';
import type { MemoryStorage } from './memory-storage.ts';

/** A node's group snapshots without LVM. */
export class MemoryGroupSnapshots implements GroupSnapshots {
  readonly #storage: Pick<MemoryStorage, 'node' | 'volumes' | 'snapshots' | 'changed'>;

  constructor(storage: Pick<MemoryStorage, 'node' | 'volumes' | 'snapshots' | 'changed'>) {
    this.#storage = storage;
  }

  async find(id: GroupSnapshotId): Promise<GroupSnapshot | undefined> {
    const members = this.#members(id);
    return isComplete(members) ? { id, members } : undefined;
  }

  async take(spec: GroupSnapshotSpec): Promise<GroupSnapshot> {
    const { node, volumes, snapshots } = this.#storage;
    const { id, lvOf } = groupSnapshotNames(node, spec.name);
    const existing = await this.find(id);
    if (existing) refuseOtherSources(existing.members, spec);
    if (existing) return existing;
    const memberOf = { id, members: spec.sources.length };
    const taken = Date.now();
    const made = spec.sources.map((source): Snapshot => {
      const volume = volumes.get(source);
      if (!volume) throw new Failure('not-found', `volume ${source} does not exist`);
      refuseUnfinished(volume);
      const { pool, group, size, layout } = volume;
      const own = layout.type === 'thick' && {
        room: roomFor(spec.room ?? volume.snapshotRoom ?? defaultRoom, size, 4n * MiB),
      };
      const lv = lvOf(source);
      const place = { node, pool, group, lv, size, ...contentIn(volume), ...own };
      return { id: snapshotIdFor(node, lv), name: spec.name, source, ...place, memberOf, taken, state: 'ready' };
    });
    for (const member of made) snapshots.all.set(member.id, member);
    this.#storage.changed();
    return { id, members: this.#members(id) };
  }

  async remove(id: GroupSnapshotId, listed: readonly string[]): Promise<void> {
    refuseOtherMembers(id, this.#members(id), listed);
    for (const member of this.#members(id)) this.#storage.snapshots.all.delete(member.id);
    this.#storage.changed();
  }

  #members(id: GroupSnapshotId): Snapshot[] {
    return membersOf(this.#storage.snapshots.all.values(), id);
  }
}
