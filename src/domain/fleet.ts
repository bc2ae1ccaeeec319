import { Failure, isFailure } from './errors.ts';
import { type LvName, type NodeName, volumeIdFor } from './ids.ts';
import type { Inventory, Storage } from './storage.ts';

/** The nodes whose volumes a controller serves: those attached now, and those that were. */
export interface Fleet {
  /** Another array whenever other nodes are members. */
  members(): readonly Member[];
  member(node: NodeName): Member | undefined;
  /** The members on which a volume with that name in its id was born and is, or was given away, as far as is known. */
  holders(name: LvName): readonly Member[];
  /** Drops what is known of a node that is not connected; when it attaches again it is a member again. */
  forget(node: NodeName): void;
}

/** A node that has connected at least once since this process started. */
export interface Member {
  readonly node: NodeName;
  /** False: its inventory is the last known; every operation on its storage throws `unavailable` and names the node. */
  readonly connected: boolean;
  /** Why it is set apart: its last report could not be used. Such a node gets no volume, and counts as disconnected. */
  readonly apart?: string | undefined;
  /** Milliseconds since the epoch since when it is connected or disconnected. */
  readonly since: number;
  readonly storage: Storage;
}

/** `quarry all`: one member, which is this machine. */
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

/** What was last heard of a member, or why nothing was ever heard. */
export function inventoryOf({ storage }: Pick<Member, 'storage'>): Inventory | Failure {
  try {
    return storage.inventory();
  } catch (error) {
    if (isFailure(error, 'unavailable')) return error;
    throw error;
  }
}

/** Those on which a volume with that name in its id was born and is, or was given away; one that has never reported has none. */
export function holdersAmong(members: readonly Member[], name: LvName): Member[] {
  return members.filter((member) => {
    const inventory = inventoryOf(member);
    const id = volumeIdFor(member.node, name);
    return !(inventory instanceof Failure) && (inventory.volumes.has(id) || inventory.given.has(id));
  });
}
