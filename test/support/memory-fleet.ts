import { Failure } from '../../src/domain/errors.ts';
import { type Fleet, holdersAmong, type Member } from '../../src/domain/fleet.ts';
import type { LvName, NodeName } from '../../src/domain/ids.ts';
import type { Inventory, Storage } from '../../src/domain/storage.ts';
import type { MemoryStorage } from './memory-storage.ts';

/** One controller's connection to a node: it can be cut, and its inventory may be outdated. */
export class Link implements Member {
  readonly node: NodeName;
  readonly storage: Storage;
  connected = true;
  since = 0;
  /** The inventory is that of the last `report`, not the node's present one. */
  lagging = false;
  #known: Inventory;
  #cut = Promise.withResolvers<never>();
  readonly #storage: MemoryStorage;

  constructor(storage: MemoryStorage) {
    this.node = storage.node;
    this.#storage = storage;
    this.#known = copy(storage.inventory());
    this.#cut.promise.catch(() => undefined);
    this.storage = {
      node: storage.node,
      inventory: () => (this.connected && !this.lagging ? storage.inventory() : this.#known),
      snapshots: {
        find: (id, signal) => this.#through(signal, () => storage.snapshots.find(id)),
        take: (spec, signal) => this.#through(signal, () => storage.snapshots.take(spec)),
        remove: (id, signal) => this.#through(signal, () => storage.snapshots.remove(id)),
        blocks: (query, signal) => this.#streamed(signal, () => storage.snapshots.blocks(query)),
      },
      groupSnapshots: {
        find: (id, signal) => this.#through(signal, () => storage.groupSnapshots.find(id)),
        take: (spec, signal) => this.#through(signal, () => storage.groupSnapshots.take(spec)),
        remove: (id, listed, signal) => this.#through(signal, () => storage.groupSnapshots.remove(id, listed)),
      },
      find: (id, signal) => this.#through(signal, () => storage.find(id, signal)),
      create: (spec, signal) => this.#through(signal, () => storage.create(spec, signal)),
      remove: (id, signal, goneFrom) => this.#through(signal, () => storage.remove(id, signal, goneFrom)),
      expand: (id, size, signal) => this.#through(signal, () => storage.expand(id, size, signal)),
      record: (id, text, signal) => this.#through(signal, () => storage.record(id, text, signal)),
      retain: (id, signal) => this.#through(signal, () => storage.retain(id, signal)),
      modify: (id, change, signal) => this.#through(signal, () => storage.modify(id, change, signal)),
    };
  }

  report(): void {
    this.#known = copy(this.#storage.inventory());
  }

  /** Calls in flight end with an unknown outcome, and continue on the node. */
  detach(): void {
    if (!this.lagging) this.report();
    this.connected = false;
    this.#cut.reject(new Failure('unavailable', `node ${this.node} disconnected`));
  }

  attach(): void {
    this.report();
    this.connected = true;
    this.#cut = Promise.withResolvers<never>();
    this.#cut.promise.catch(() => undefined);
  }

  async *#streamed<T>(signal: AbortSignal, call: () => AsyncGenerator<T, void>): AsyncGenerator<T, void> {
    const answers = call();
    const next = () => this.#through(signal, () => answers.next());
    for (let answer = await next(); answer.done !== true; answer = await next()) yield answer.value;
  }

  /** A cancelled call continues on the node, too. */
  async #through<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    if (!this.connected) throw new Failure('unavailable', `node ${this.node} is not connected`);
    if (signal.aborted) throw new Failure('cancelled', 'the caller gave up');
    const { promise: given, reject } = Promise.withResolvers<never>();
    const giveUp = (): void => reject(new Failure('cancelled', 'the caller gave up'));
    signal.addEventListener('abort', giveUp);
    try {
      return await Promise.race([call(), this.#cut.promise, given]);
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }
}

/** Nodes in memory as one controller sees them. */
export class MemoryFleet implements Fleet {
  readonly #links = new Map<NodeName, Link>();
  #list: readonly Member[] = [];

  constructor(storages: readonly MemoryStorage[]) {
    for (const storage of storages) this.join(new Link(storage));
  }

  members(): readonly Member[] {
    return this.#list;
  }

  member(node: NodeName): Member | undefined {
    return this.#links.get(node);
  }

  holders(name: LvName): readonly Member[] {
    return holdersAmong(this.#list, name);
  }

  link(node: string): Link {
    const link = this.#links.get(node as NodeName);
    if (!link) throw new Error(`no node ${node}`);
    return link;
  }

  /** As in a controller that has just started: the node is unknown until it connects. */
  forget(node: string): Link {
    const link = this.link(node);
    this.#links.delete(node as NodeName);
    this.#list = [...this.#links.values()];
    return link;
  }

  join(link: Link): void {
    this.#links.set(link.node, link);
    this.#list = [...this.#links.values()];
  }
}

function copy(inventory: Inventory): Inventory {
  return {
    ...inventory,
    pools: new Map(inventory.pools),
    volumes: new Map(inventory.volumes),
    snapshots: new Map(inventory.snapshots),
    given: new Map(inventory.given),
    unready: new Map(inventory.unready),
    health: new Map(inventory.health),
  };
}
