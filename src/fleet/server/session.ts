import type { NodeName } from '../../domain/ids.ts';
import type { FromNode } from '../../gen/quarry/fleet/v1/FromNode.ts';
import type { ToNodeInit } from '../../gen/quarry/fleet/v1/ToNode.ts';
import { Caller } from '../wire/caller.ts';
import type { Protocol } from '../wire/protocol.ts';
import { NodeInventory } from './node-inventory.ts';

export interface SessionOptions {
  readonly node: NodeName;
  readonly instance: string;
  readonly protocol: Protocol;
  readonly send: (message: ToNodeInit) => void;
  /** Milliseconds that a call may take. */
  readonly timeout: number;
  /** Called with the reason when an answer of the node cannot be used. */
  readonly distrust: (reason: string) => void;
  /** Called after the first full report, and when the last call in flight has ended. */
  readonly changed: (session: Session) => void;
  readonly now: () => number;
}

/** One stream of one node, from its greeting to its end. */
export class Session {
  readonly node: NodeName;
  readonly instance: string;
  readonly protocol: Protocol;
  readonly inventory: NodeInventory;
  readonly caller: Caller;
  readonly #options: SessionOptions;

  constructor(options: SessionOptions) {
    const { node, instance, protocol, timeout, send } = options;
    this.node = node;
    this.instance = instance;
    this.protocol = protocol;
    this.inventory = new NodeInventory(node, protocol.records);
    this.caller = new Caller({ node, timeout, send, idle: () => options.changed(this) });
    this.#options = options;
  }

  /** Handles a message, with a yield after each record of a report. Throws `invalid` for what no node of ours sends. */
  *receiving({ records, reply, ping }: Pick<FromNode, 'records' | 'reply' | 'ping'>): Generator<void, void> {
    const now = this.#options.now();
    if (records) {
      const known = this.inventory.inventory !== undefined;
      yield* this.inventory.applying(records, now);
      if (!known && this.inventory.inventory) this.#options.changed(this);
    }
    if (ping) {
      this.inventory.age(ping.inventoryAgeMs, now);
      this.#options.send({ pong: {} });
    }
    if (reply) this.caller.receive(reply);
  }

  distrust(reason: string): void {
    this.#options.distrust(reason);
  }

  /** Calls in flight end with an unknown outcome. */
  end(reason: string): void {
    this.caller.end(reason);
  }
}
