import { Failure, isFailure } from '../domain/errors.ts';
import { type Fleet, knownInventory, type Member } from '../domain/fleet.ts';
import {
  type GroupSnapshotId,
  type LvName,
  type NodeName,
  parseSnapshotId,
  type PoolName,
  type SnapshotId,
  type VolumeId,
  volumeIdFor,
} from '../domain/ids.ts';
import type { Snapshot, Snapshots } from '../domain/snapshot.ts';
import type { Inventory, Storage } from '../domain/storage.ts';
import type { Volume } from '../domain/volume.ts';

/** Facts about nodes from other sources than the fleet, such as Kubernetes. */
export interface NodeLifecycle {
  /** The node is gone for good, its disks with it: its volumes are records that may be forgotten. */
  nodeGone(node: NodeName): boolean;
  /** Kubernetes has no such node: no volume is made there. Those that it has may come back with it. */
  nodeDeleted(node: NodeName): boolean;
  /** Whether that node, or any node at all, may hold volumes though it has never connected to this process. */
  awaits(node?: NodeName): boolean;
}

/** All nodes are members, and none is ever forgotten. */
export const noLifecycle: NodeLifecycle = { nodeGone: () => false, nodeDeleted: () => false, awaits: () => false };

/** A member, and the prefix of its volumes' ids. */
interface Sorted {
  readonly prefix: string;
  readonly member: Member;
}

/** Deleted nodes whose inventory is remembered. */
const mostRemembered = 1000;

/** The members of a fleet, without those that are gone for good. */
export class NodeRegistry {
  readonly #fleet: Fleet;
  readonly #lifecycle: NodeLifecycle;
  /** The fleet's list as it was when it was sorted. */
  #list: readonly Member[] = [];
  #sorted: readonly Sorted[] = [];

  constructor(fleet: Fleet, lifecycle: NodeLifecycle) {
    this.#fleet = fleet;
    this.#lifecycle = lifecycle;
  }

  /** The members that a volume may be made on, or may exist on after an earlier call. */
  members(): Member[] {
    return this.#fleet.members().filter(({ node }) => !this.isOut(node));
  }

  member(node: NodeName): Member | undefined {
    return this.isOut(node) ? undefined : this.#fleet.member(node);
  }

  /** Whether the node was deleted from Kubernetes, or is gone for good. A node that is connected is neither. */
  isOut(node: NodeName): boolean {
    return (
      !this.#fleet.member(node)?.connected && (this.#lifecycle.nodeDeleted(node) || this.#lifecycle.nodeGone(node))
    );
  }

  /**
   * Drops nodes that were deleted: at once where they are gone for good or had no volume, else where newer ones fill the
   * memory. The records of volumes that a node gave to others stay, and so does a node that is only disconnected.
   */
  tidy(): void {
    const out = this.#fleet.members().filter(({ node }) => this.isOut(node));
    const holding = out.filter((member) => (this.#counts(member) && holdsAny(member)) || gaveAny(member));
    const kept = new Set(holding.sort((a, b) => b.since - a.since).slice(0, mostRemembered));
    for (const member of out) if (!kept.has(member)) this.#fleet.forget(member.node);
    // So that the list that is kept here has none of them.
    this.#inOrder();
  }

  awaits(node?: NodeName): boolean {
    return this.#lifecycle.awaits(node);
  }

  /** `undefined`: the node is gone for good. Throws `unavailable` for one that has never connected. */
  storageOf(id: VolumeId | SnapshotId | GroupSnapshotId, node: NodeName): Storage | undefined {
    const member = this.#fleet.member(node);
    if (!member?.connected && this.#lifecycle.nodeGone(node)) return undefined;
    if (member) return member.storage;
    throw new Failure('unavailable', `"${id}" belongs to node ${node}, which is not connected to this controller`);
  }

  /**
   * The snapshots of the node that took the snapshot with that id. `undefined`: Quarry never issued the id, or the node is gone for good. Throws as
   * `storageOf` does.
   */
  snapshotsOf(text: string): { readonly id: SnapshotId; readonly snapshots: Snapshots } | undefined {
    const known = parseSnapshotId(text);
    const storage = known && this.storageOf(known.id, known.node);
    return storage && { id: known.id, snapshots: storage.snapshots };
  }

  /**
   * Calls `act` with the storage of the node that the volume was born on, or, where that answers that it gave the volume away, of the node
   * that has it. No other node's report counts. `undefined`: that node is gone for good.
   */
  async at<T>(id: VolumeId, birth: NodeName, act: (storage: Storage) => Promise<T>): Promise<T | undefined> {
    const storage = this.storageOf(id, birth);
    try {
      if (storage) return await act(storage);
    } catch (error) {
      if (!isFailure(error, 'elsewhere') || error.node === undefined) throw error;
      return this.#follow(id, error.node, act);
    }
    const member = this.#fleet.member(birth);
    const given = member && givenBy(member).get(id);
    return given && this.#follow(id, given, act);
  }

  async #follow<T>(id: VolumeId, node: NodeName, act: (storage: Storage) => Promise<T>): Promise<T | undefined> {
    try {
      const storage = this.storageOf(id, node);
      return storage && (await act(storage));
    } catch (error) {
      if (!isFailure(error, 'elsewhere')) throw error;
      throw new Failure('unavailable', `volume ${id} was given to node ${node}, which says: ${error.message}`, {
        cause: error,
      });
    }
  }

  /** The members on which a volume of that name was born, as far as is known; of those that are gone for good, the ones that gave it away. */
  holders(lv: LvName): Member[] {
    const gave = (member: Member) => givenBy(member).has(volumeIdFor(member.node, lv));
    return this.#fleet.holders(lv).filter((member) => this.#counts(member) || gave(member));
  }

  /** The member that a volume was given to by that one, where its own inventory shows the volume, too. */
  movedTo(from: Member, id: VolumeId): Member | undefined {
    const node = givenBy(from).get(id);
    const to = node === undefined ? undefined : this.member(node);
    return knownInventory(to)?.volumes.has(id) ? to : undefined;
  }

  /** The pools of all nodes; `undefined` while there may be others. */
  knownPools(): Set<PoolName> | undefined {
    const members = this.members();
    if (this.#lifecycle.awaits() || !members.every(({ connected }) => connected)) return undefined;
    const names = new Set<PoolName>();
    for (const { storage } of members) {
      const { pools, unready } = storage.inventory();
      for (const name of [...pools.keys(), ...unready.keys()]) names.add(name);
    }
    return names;
  }

  /**
   * The first `count` volumes (0: all) whose ids come after the one given, in the order of ids. An id begins with its node, so
   * that only those nodes are looked at that the page's volumes were born on, or given to. Throws `unavailable` where the volumes of a node are not known.
   */
  volumesAfter(after: string, count: number): Volume[] {
    return this.#after(after, count, (prefix, member) => this.#bornOn(prefix, member));
  }

  /** The same of the snapshots that are wanted, without those that are not finished. */
  snapshotsAfter(after: string, count: number, wanted: (snapshot: Snapshot) => boolean): Snapshot[] {
    return this.#after(after, count, (_, { storage }) =>
      [...storage.inventory().snapshots.values()].filter((one) => one.state !== 'creating' && wanted(one)),
    );
  }

  #after<T extends { readonly id: string }>(
    after: string,
    count: number,
    entriesOf: (prefix: string, member: Member) => T[],
  ): T[] {
    const first = after.slice(0, after.indexOf(':') + 1);
    const found: T[] = [];
    for (const { prefix, member } of this.#inOrder()) {
      if (prefix < first || !this.#counts(member)) continue;
      const entries = entriesOf(prefix, member);
      const later = prefix === first ? entries.filter(({ id }) => id > after) : entries;
      found.push(...later.sort((a, b) => (a.id < b.id ? -1 : 1)));
      if (count > 0 && found.length >= count) return found.slice(0, count);
    }
    return found;
  }

  /** The volumes that were born on a node, wherever they are, without copies that may not be used, or are not whole. */
  #bornOn(prefix: string, { storage }: Member): Volume[] {
    const { volumes, given } = storage.inventory();
    const here = [...volumes.values()].filter(({ id }) => id.startsWith(prefix) && !given.has(id));
    const elsewhere = [...given].flatMap(([id, node]) => {
      const member = this.#fleet.member(node);
      return (member && this.#counts(member) && knownInventory(member)?.volumes.get(id)) || [];
    });
    return [...here, ...elsewhere].filter(({ role, state }) => role === undefined && state !== 'copying');
  }

  /** The members of the fleet in the order of their volumes' ids; sorted again only when the fleet's list has changed. */
  #inOrder(): readonly Sorted[] {
    const list = this.#fleet.members();
    if (list !== this.#list) {
      this.#sorted = list
        .map((member) => ({ prefix: `${member.node}:`, member }))
        .sort((a, b) => (a.prefix < b.prefix ? -1 : 1));
      this.#list = list;
    }
    return this.#sorted;
  }

  #counts({ node, connected }: Member): boolean {
    return connected || !this.#lifecycle.nodeGone(node);
  }
}

function givenBy(member: Member): Inventory['given'] {
  return knownInventory(member)?.given ?? new Map();
}

function gaveAny(member: Member): boolean {
  return givenBy(member).size > 0;
}

function holdsAny(member: Member): boolean {
  return (knownInventory(member)?.volumes.size ?? 0) > 0;
}
