import type { NodeName } from './ids.ts';
import type { Storage } from './storage.ts';

/** The nodes whose volumes a controller serves: those attached now, and those that were. */
export interface Fleet {
  /** Another array whenever other nodes are members. */
  members(): readonly Member[];
  member(node: NodeName): Member | undefined;
}

export interface Member {
  readonly node: NodeName;
  /** False: silent. Its inventory is the last known; every operation on its storage throws `unavailable` and names the node. */
  readonly attached: boolean;
  /** Milliseconds since the epoch of attaching or of falling silent. */
  readonly since: number;
  readonly storage: Storage;
}

/** `quarry all`: one member, which is this machine. */
export function fleetOf(storage: Storage, since: number): Fleet {
  const member: Member = { node: storage.node, attached: true, since, storage };
  const members = [member];
  return {
    members: () => members,
    member: (node) => (node === storage.node ? member : undefined),
  };
}
