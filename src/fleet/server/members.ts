import type { SizeRange } from '../../domain/bytes.ts';
import { Failure } from '../../domain/errors.ts';
import type { Fleet, Member } from '../../domain/fleet.ts';
import type { LvName, NodeName, VolumeId } from '../../domain/ids.ts';
import type { QosChange } from '../../domain/qos.ts';
import type { Inventory, Storage } from '../../domain/storage.ts';
import type { Volume, VolumeSpec } from '../../domain/volume.ts';
import { writeQosChange } from '../wire/qos.ts';
import { writeRange, writeSpec } from '../wire/volumes.ts';
import type { NodeInventory } from './node-inventory.ts';
import type { Action, Session } from './session.ts';

/** The volumes of a node, over the stream that it has now. */
class RemoteMember implements Member, Storage {
  readonly node: NodeName;
  session: Session | undefined;
  since = 0;
  apart: string | undefined;
  /** Of the newest session, also when that has ended. */
  #mirror: NodeInventory | undefined;

  constructor(node: NodeName) {
    this.node = node;
  }

  get storage(): Storage {
    return this;
  }

  get connected(): boolean {
    return this.session !== undefined;
  }

  attach(session: Session, now: number): void {
    this.session = session;
    this.#mirror = session.inventory;
    this.apart = undefined;
    this.since = now;
  }

  detach(now: number): void {
    this.session = undefined;
    this.since = now;
  }

  inventory(): Inventory {
    const inventory = this.#mirror?.inventory;
    if (inventory) return inventory;
    throw new Failure('unavailable', `node ${this.node} has not reported yet`);
  }

  holds(name: LvName): boolean {
    return this.#mirror?.holds(name) ?? false;
  }

  find(id: VolumeId, signal: AbortSignal): Promise<Volume | undefined> {
    return this.#call({ find: { volume: id } }, signal);
  }

  create(spec: VolumeSpec, signal: AbortSignal): Promise<Volume> {
    return this.#volume({ create: { spec: writeSpec(spec) } }, signal);
  }

  async remove(id: VolumeId, signal: AbortSignal, goneFrom?: NodeName): Promise<void> {
    await this.#call({ remove: { volume: id, ...(goneFrom && { goneFrom }) } }, signal);
  }

  expand(id: VolumeId, size: SizeRange, signal: AbortSignal): Promise<Volume> {
    return this.#volume({ expand: { volume: id, size: writeRange(size) } }, signal);
  }

  modify(id: VolumeId, change: QosChange, signal: AbortSignal): Promise<Volume> {
    return this.#volume({ modify: { volume: id, change: writeQosChange(change) } }, signal);
  }

  retain(id: VolumeId, signal: AbortSignal): Promise<Volume> {
    return this.#volume({ retain: { volume: id } }, signal);
  }

  async #call(action: Action, signal: AbortSignal): Promise<Volume | undefined> {
    if (this.session) return this.session.call(action, signal);
    const since = new Date(this.since).toISOString();
    throw new Failure(
      'unavailable',
      `node ${this.node} has been disconnected since ${since}; nothing was started: try again`,
    );
  }

  async #volume(action: Action, signal: AbortSignal): Promise<Volume> {
    const volume = await this.#call(action, signal);
    if (volume) return volume;
    throw new Failure('unavailable', `node ${this.node} says that it succeeded, and names no volume`);
  }
}

/** The nodes that have told what they hold since this process began. */
export class Members implements Fleet {
  readonly #members = new Map<NodeName, RemoteMember>();
  readonly #now: () => number;
  #list: readonly RemoteMember[] = [];

  constructor(now: () => number) {
    this.#now = now;
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

  /** A session whose first full report has come; it takes the place of the one before. False: it had that place. */
  attach(session: Session): boolean {
    const member = this.#memberOf(session.node);
    if (member.session === session) return false;
    member.attach(session, this.#now());
    return true;
  }

  /** What the node reports cannot be used: it is set apart, alone, until it attaches with a report that can. */
  setApart(node: NodeName, reason: string): void {
    this.#memberOf(node).apart = reason;
  }

  #memberOf(node: NodeName): RemoteMember {
    const known = this.#members.get(node);
    if (known) return known;
    const member = new RemoteMember(node);
    member.since = this.#now();
    this.#members.set(node, member);
    this.#list = [...this.#members.values()];
    return member;
  }

  /** False: another session has its place, or it never had one. */
  detach(session: Session): boolean {
    const member = this.#members.get(session.node);
    if (member?.session !== session) return false;
    member.detach(this.#now());
    return true;
  }
}
