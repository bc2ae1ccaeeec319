import { Failure } from '../domain/errors.ts';
import type { GroupState, GroupStates } from '../domain/groups.ts';
import type { VgName, VolumeId } from '../domain/ids.ts';
import type { Inventory } from '../domain/storage.ts';

/** A group that LVM gives no answer about, and the ids that it had before. */
interface Apart {
  readonly reason: string;
  readonly had: ReadonlySet<string>;
}

/** What is known of the pools' groups: which of that name is the pool's, and which of them LVM gives no answer about. */
export class KnownGroups {
  #identified: GroupStates = new Map();
  readonly #apart = new Map<VgName, Apart>();

  identify(states: GroupStates): void {
    this.#identified = states;
  }

  /** Sets the group apart, with what `inventory` shows in it, because LVM gives no answer about it. */
  setApart(group: VgName, reason: string, inventory: Inventory | undefined): void {
    this.#apart.set(group, { reason, had: inventory ? idsIn(group, inventory) : new Set() });
  }

  rejoin(group: VgName): void {
    this.#apart.delete(group);
  }

  states(): GroupStates {
    const stuck = [...this.#apart].map(([group, { reason }]) => [group, { state: 'stuck', reason }] as const);
    return new Map<VgName, GroupState>([...this.#identified, ...stuck]);
  }

  /** Throws `unavailable` if the group is set apart. */
  refuseApart(group: VgName): void {
    const apart = this.#apart.get(group);
    if (apart) throw new Failure('unavailable', apart.reason);
  }

  /** Throws `unavailable` if the volume was in a group when that was set apart. */
  refuseIfApart(id: VolumeId): void {
    for (const { reason, had } of this.#apart.values())
      if (had.has(id)) throw new Failure('unavailable', `the state of volume ${id} is not known: ${reason}`);
  }

  /** Whether the group was set apart without this snapshot or group snapshot. A call that LVM did not answer may have made it all the same. */
  wasWithout(group: VgName, id: string): boolean {
    return this.#apart.get(group)?.had.has(id) === false;
  }
}

/** The ids of the group's volumes, snapshots and group snapshots. */
function idsIn(group: VgName, { volumes, snapshots }: Inventory): Set<string> {
  const ids: string[] = [...volumes.values()].filter((one) => one.group === group).map(({ id }) => id);
  for (const snapshot of snapshots.values())
    if (snapshot.group === group) ids.push(snapshot.id, ...(snapshot.memberOf ? [snapshot.memberOf.id] : []));
  return new Set(ids);
}
