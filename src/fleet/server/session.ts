import { Failure } from '../../domain/errors.ts';
import { type NodeName, parseVolumeId } from '../../domain/ids.ts';
import type { Volume } from '../../domain/volume.ts';
import type { CommandInit } from '../../gen/quarry/fleet/v1/Command.ts';
import type { FromNode } from '../../gen/quarry/fleet/v1/FromNode.ts';
import type { Reply } from '../../gen/quarry/fleet/v1/Reply.ts';
import type { ToNodeInit } from '../../gen/quarry/fleet/v1/ToNode.ts';
import { readFailure } from '../wire/failures.ts';
import { readVolume } from '../wire/volumes.ts';
import { NodeInventory } from './node-inventory.ts';

/** The commands that one node may have in flight; the sidecars have 100 workers each. */
const mostInFlight = 512;

/** A command without its id and its deadline. */
export type Action = Pick<CommandInit, 'find' | 'create' | 'remove' | 'expand' | 'modify' | 'retain'>;

interface Waiting {
  /** Of the volume that the command names; absent for a creation. */
  readonly volume: string | undefined;
  settle(outcome: () => Volume | undefined): void;
}

export interface SessionOptions {
  readonly node: NodeName;
  readonly instance: string;
  readonly send: (message: ToNodeInit) => void;
  /** Milliseconds that a command may take. */
  readonly timeout: number;
  /** Called after the first full report, and when the last command of a retired session has ended. */
  readonly changed: (session: Session) => void;
  readonly now: () => number;
}

/** One stream of one node, from its greeting to its end. */
export class Session {
  readonly node: NodeName;
  readonly instance: string;
  readonly inventory: NodeInventory;
  readonly #options: SessionOptions;
  readonly #waiting = new Map<string, Waiting>();
  #lastId = 0;
  #ended: string | undefined;

  constructor(options: SessionOptions) {
    this.node = options.node;
    this.instance = options.instance;
    this.inventory = new NodeInventory(options.node);
    this.#options = options;
  }

  get inFlight(): number {
    return this.#waiting.size;
  }

  /** Handles a message, with a yield behind each entry of a report. Throws `invalid` for what no node of ours sends. */
  *receiving({ report, reply, ping }: Pick<FromNode, 'report' | 'reply' | 'ping'>): Generator<void, void> {
    const now = this.#options.now();
    if (report) {
      const known = this.inventory.inventory !== undefined;
      yield* this.inventory.applying(report, now);
      if (!known && this.inventory.inventory) this.#options.changed(this);
    }
    if (ping) {
      this.inventory.age(ping.inventoryAgeMs, now);
      this.#options.send({ pong: {} });
    }
    if (reply) this.#settle(reply);
  }

  /** What the node says of it. Throws its failure, or `unavailable` where none is known to be true. */
  async call(action: Action, signal: AbortSignal): Promise<Volume | undefined> {
    if (signal.aborted) throw new Failure('cancelled', 'the caller gave up');
    if (this.#ended !== undefined) throw unknown(this.node, this.#ended);
    if (this.#waiting.size >= mostInFlight) {
      throw new Failure('unavailable', `node ${this.node} has ${mostInFlight} operations in flight: try again`);
    }
    const id = String(++this.#lastId);
    const { promise, resolve, reject } = Promise.withResolvers<Volume | undefined>();
    const giveUp = (failure: Failure): void => {
      this.#options.send({ cancel: { id } });
      reject(failure);
    };
    const abort = (): void => giveUp(new Failure('cancelled', 'the caller gave up'));
    const timer = setTimeout(
      () => giveUp(unknown(this.node, `it did not answer within ${this.#options.timeout} ms`)),
      this.#options.timeout,
    );
    signal.addEventListener('abort', abort);
    const { volume } = action.find ?? action.remove ?? action.expand ?? action.modify ?? action.retain ?? {};
    this.#waiting.set(id, { volume, settle: (outcome) => attempt(outcome, resolve, reject) });
    try {
      this.#options.send({ command: { id, timeoutMs: String(this.#options.timeout), ...action } });
      return await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) this.#options.changed(this);
    }
  }

  /** Whatever is in flight ends as unknown. */
  end(reason: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    for (const waiting of this.#waiting.values()) {
      waiting.settle(() => {
        throw unknown(this.node, reason);
      });
    }
  }

  /** Nobody waits any longer for a command that was given up: its reply is dropped. */
  #settle({ id, done, error }: Reply): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    const failure = error && readFailure(error, this.node);
    const volume = done?.volume && readVolume(done.volume, this.node);
    if (volume) this.#refuseOther(volume, waiting.volume);
    waiting.settle(() => {
      if (failure) throw failure;
      if (!done) throw unknown(this.node, 'its answer is not known here');
      return volume ?? undefined;
    });
  }

  /** Throws `invalid` for an answer about another volume than the one asked for, or for a new one that was born elsewhere. */
  #refuseOther({ id }: Volume, asked: string | undefined): void {
    const right = asked === undefined ? parseVolumeId(id)?.node === this.node : id === asked;
    if (!right) throw new Failure('invalid', `volume ${id} is not of node ${this.node}, or is not what was asked for`);
  }
}

function attempt(
  outcome: () => Volume | undefined,
  resolve: (volume: Volume | undefined) => void,
  reject: (error: unknown) => void,
): void {
  try {
    resolve(outcome());
  } catch (error) {
    reject(error);
  }
}

function unknown(node: NodeName, reason: string): Failure {
  return new Failure('unavailable', `what became of the operation on node ${node} is not known: ${reason}`);
}
