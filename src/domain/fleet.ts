import { Failure, isFailure } from './errors.ts';
import { type LvName, type NodeName, volumeIdFor } from './ids.ts';
import type { Inventory, Storage } from './storage.ts';

/** The nodes whose volumes a controller serves: those that are connected, and those that were. */
export interface Fleet {
  /** A new array whenever the set of members changes. */
  members(): readonly Member[];
  member(node: NodeName): Member | undefined;
  /** The members on which a volume with that name in its id was created and is, or was given away, as far as is known. */
  holders(name: LvName): readonly Member[];
  /** Drops a disconnected node from memory; it becomes a member again when it connects. */
  forget(node: NodeName): void;
}

/** A node that has connected at least once since this process started. */
export interface Member {
  readonly node: NodeName;
  /** False: its inventory is the last known; every operation on its storage throws `unavailable` and names the node. */
  readonly connected: boolean;
  /** Why the node's last report could not be used. The node then gets no volume, and counts as disconnected. */
  readonly apart?: string | undefined;
  /** When `connected` last changed, in milliseconds since the epoch. */
  readonly since: number;
  readonly storage: Storage;
}

/** The fleet of `quarry all`: this machine is its only member. */
export function fleetOf(storage: Storage, since: number): Fleet {
  const member: Member = { node: storage.node, connected: true, since, storage };
  const members = [member];
  return {
    members: () => members,
    member: (node) => (node === storage.node ? member : undefined),
    holders: (name) => holdersAmong(members, name),
    forget: () => undefined,
  };
}

/** The member's last inventory, or why there is none. */
export function inventoryOf({ storage }: Pick<Member, 'storage'>): Inventory | Failure {
  try {
    return storage.inventory();
  } catch (error) {
    if (isFailure(error, 'unavailable')) return error;
    throw error;
  }
}

/** The member's last inventory; `undefined` where there is none, or no member. */
export function knownInventory(member: Pick<Member, 'storage'> | undefined): Inventory | undefined {
  const inventory = member && inventoryOf(member);
  return inventory instanceof Failure ? undefined : inventory;
}

/** The members on which a volume with that name in its id was created and is, or was given away; one that has never reported is not among them. */
export function holdersAmong(members: readonly Member[], name: LvName): Member[] {
  return members.filter((member) => {
    const inventory = knownInventory(member);
    const id = volumeIdFor(member.node, name);
    return inventory !== undefined && (inventory.volumes.has(id) || inventory.given.has(id));
  });
}
