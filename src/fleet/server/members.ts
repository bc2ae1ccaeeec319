import { Failure } from '../../domain/errors.ts';
import type { Fleet, Member } from '../../domain/fleet.ts';
import type { LvName, NodeName } from '../../domain/ids.ts';
import type { Inventory, Storage } from '../../domain/storage.ts';
import type { Protocol } from '../wire/protocol.ts';
import { bind, type Channel } from '../wire/caller.ts';
import type { SnapshotsCalls } from '../wire/snapshots.ts';
import { type NodeCalls, type RemoteNode, RemoteStorage, type VolumesCalls } from '../wire/volumes-service.ts';
import type { NodeInventory } from './node-inventory.ts';
import type { Session } from './session.ts';

/** The volumes of a node, over the stream that it has now. */
class RemoteMember implements Member, RemoteNode {
  readonly node: NodeName;
  readonly storage: Storage;
  session: Session | undefined;
  since = 0;
  apart: string | undefined;
  /** Of the newest session, also when that has ended. */
  #reported: NodeInventory | undefined;

  constructor(node: NodeName, calls: NodeCalls) {
    this.node = node;
    this.storage = new RemoteStorage(this, calls);
  }

  get connected(): boolean {
    return this.session !== undefined;
  }

  attach(session: Session, now: number): void {
    this.session = session;
    this.#reported = session.inventory;
    this.apart = undefined;
    this.since = now;
  }

  detach(now: number): void {
    this.session = undefined;
    this.since = now;
  }

  inventory(): Inventory {
    const inventory = this.#reported?.inventory;
    if (inventory) return inventory;
    throw new Failure('unavailable', `node ${this.node} has not reported yet`);
  }

  unusable(reason: string): void {
    this.session?.distrust(reason);
  }

  holds(name: LvName): boolean {
    return this.#reported?.holds(name) ?? false;
  }

  channel(): Channel {
    if (this.session) return this.session.caller;
    const since = new Date(this.since).toISOString();
    throw new Failure(
      'unavailable',
      `node ${this.node} has been disconnected since ${since}; nothing was started: try again`,
    );
  }
}

/** The nodes that have reported since this process started. */
export class Members implements Fleet {
  readonly #members = new Map<NodeName, RemoteMember>();
  readonly #now: () => number;
  readonly #calls: NodeCalls;
  #list: readonly RemoteMember[] = [];

  /** @param now milliseconds since the epoch */
  constructor(now: () => number, { volumes, snapshots }: Protocol) {
    this.#now = now;
    this.#calls = { volumes: bind(volumes) as VolumesCalls, snapshots: bind(snapshots) as SnapshotsCalls };
  }

  members(): readonly Member[] {
    return this.#list;
  }

  member(node: NodeName): Member | undefined {
    return this.#members.get(node);
  }

  holders(name: LvName): readonly Member[] {
    return this.#list.filter((member) => member.holds(name));
  }

  forget(node: NodeName): void {
    if (this.#members.get(node)?.connected !== false) return;
    this.#members.delete(node);
    this.#list = [...this.#members.values()];
  }

  /** Makes a session with a full report the current one of its node. False: it was that already. */
  attach(session: Session): boolean {
    const member = this.#memberOf(session.node);
    if (member.session === session) return false;
    member.attach(session, this.#now());
    return true;
  }

  /** Sets a node apart whose reports or answers cannot be used, until it attaches again with a report that can. */
  setApart(node: NodeName, reason: string): void {
    this.#memberOf(node).apart = reason;
  }

  #memberOf(node: NodeName): RemoteMember {
    const known = this.#members.get(node);
    if (known) return known;
    const member = new RemoteMember(node, this.#calls);
    member.since = this.#now();
    this.#members.set(node, member);
    this.#list = [...this.#members.values()];
    return member;
  }

  /** False: it was not the current session of its node. */
  detach(session: Session): boolean {
    const member = this.#members.get(session.node);
    if (member?.session !== session) return false;
    member.detach(this.#now());
    return true;
  }
}
