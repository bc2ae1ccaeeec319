import type { ServiceError } from '@grpc/grpc-js';
import { Failure, messageOf } from '../../domain/errors.ts';
import { knownInventory } from '../../domain/fleet.ts';
import type { Storage } from '../../domain/storage.ts';
import type { FromNodeInit } from '../../gen/quarry/fleet/v1/FromNode.ts';
import type { HelloInit } from '../../gen/quarry/fleet/v1/Hello.ts';
import type { ReplyInit } from '../../gen/quarry/fleet/v1/Reply.ts';
import type { Welcome } from '../../gen/quarry/fleet/v1/Welcome.ts';
import type { Log } from '../../log.ts';
import { readDelay } from '../wire/bounds.ts';
import { createSendQueue, type SendQueue } from '../wire/send-queue.ts';
import type { Protocol } from '../wire/protocol.ts';
import type { Timing } from '../wire/timing.ts';
import type { Address } from './addresses.ts';
import { type Handler, Responder } from '../wire/responder.ts';
import { Reporter } from './reporter.ts';
import type { Transport } from './transport.ts';

/** Bytes that may wait for a controller: a full report of the largest node, and its replies. */
const mostWaiting = 64 * 1024 * 1024;

/** Milliseconds within which a change is reported that no reply reports. */
const changeDelay = 50;

/** The least milliseconds between two pings, also where a controller asks for more of them. */
const leastPing = 100;

export interface ConnectionOptions {
  readonly address: Address;
  /** Dials the address. */
  readonly open: () => Transport;
  readonly hello: HelloInit;
  readonly storage: Storage;
  /** The methods that the controller may call, by full name. */
  readonly methods: ReadonlyMap<string, Handler>;
  readonly protocol: Protocol;
  readonly timing: Timing;
  readonly log: Log;
  readonly now: () => number;
  /** Called after each call, so that changes are reported to the other controllers, too. */
  readonly changed: () => void;
}

/** Milliseconds that do not depend on the clock's time. */
const ticks = (): number => performance.now();

/** One stream to one controller, from the dialling to its end. */
export class Connection {
  /** Resolves when the stream has ended. */
  readonly ended: Promise<void>;
  /** Resolves with the reason when another stream is needed: at the end of this one, or before. */
  readonly left: Promise<string>;
  readonly #options: ConnectionOptions;
  readonly #transport: Transport;
  readonly #sendQueue: SendQueue<FromNodeInit>;
  readonly #responder: Responder;
  readonly #reporter: Reporter;
  readonly #end: () => void;
  /** Asks for another stream. This one goes on until the controller ends it. */
  readonly leave: (reason: string) => void;
  #welcome: Welcome | undefined;
  #heardAt: number;
  #pinging: NodeJS.Timeout;
  #reporting: NodeJS.Timeout | undefined;
  #over = false;

  constructor(options: ConnectionOptions) {
    const { storage, methods, protocol, log, now } = options;
    this.#options = options;
    ({ promise: this.ended, resolve: this.#end } = Promise.withResolvers<void>());
    ({ promise: this.left, resolve: this.leave } = Promise.withResolvers<string>());
    this.#transport = options.open();
    const { call } = this.#transport;
    this.#sendQueue = createSendQueue(call, {
      encode: protocol.writeFromNode,
      most: mostWaiting,
      full: () => this.close('it reads nothing'),
      ticks,
    });
    this.#reporter = new Reporter(protocol.records, now);
    this.#responder = new Responder({
      node: storage.node,
      methods,
      reply: (reply) => this.#reply(reply),
      log,
    });
    this.#heardAt = ticks();
    this.#pinging = setTimeout(() => this.close('it did not answer'), options.timing.greeting);
    call.on('data', (bytes: Buffer) => this.#receive(bytes));
    call.on('error', (error: ServiceError) => this.close(error.details || error.message));
    call.on('end', () => this.close('the controller ended the stream'));
    this.#send({ hello: options.hello });
  }

  get welcomed(): boolean {
    return this.#welcome !== undefined;
  }

  /** Call it when the inventory may have changed. */
  report(): void {
    if (!this.#welcome || this.#over) return;
    this.#reporting ??= setTimeout(() => this.#reportNow(), changeDelay);
  }

  /** Sends a new token before the current one expires. */
  offer(token: string): void {
    this.#send({ credential: { token } });
  }

  /** Starts no further call. Ends the stream when the calls that had started are answered. */
  async finish(): Promise<void> {
    await this.#responder.drain();
    this.#transport.call.end();
    await this.ended;
  }

  close(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#pinging);
    clearTimeout(this.#reporting);
    this.#responder.stop();
    this.#transport.close();
    this.leave(reason);
    this.#end();
  }

  #send(message: FromNodeInit): void {
    if (!this.#over) this.#sendQueue.send(message);
  }

  #receive(bytes: Buffer): void {
    if (this.#over) return;
    this.#heardAt = ticks();
    try {
      const { welcome, call, credit, cancel } = this.#options.protocol.toNode(bytes);
      if (welcome) this.#begin(welcome);
      if (call) this.#responder.accept(call);
      if (credit) this.#responder.credit(credit.id, credit.count);
      if (cancel) this.#responder.cancel(cancel.id);
    } catch (error) {
      this.close(messageOf(error));
    }
  }

  #begin(welcome: Welcome): void {
    const { log, address } = this.#options;
    if (this.#welcome) throw new Failure('invalid', 'it welcomed twice');
    this.#welcome = welcome;
    log.info({ ...address, version: welcome.driverVersion }, 'connected to a controller');
    clearTimeout(this.#pinging);
    this.#pinging = setInterval(() => this.#ping(welcome), readDelay(welcome.pingEveryMs, leastPing));
    this.#reportNow();
  }

  #ping({ silenceMs }: Welcome): void {
    const [now, tick] = [this.#options.now(), ticks()];
    const stuck = this.#sendQueue.stuckSince();
    if (tick - this.#heardAt > silenceMs) return this.close(`it sent nothing for ${silenceMs} ms`);
    if (stuck !== undefined && tick - stuck > silenceMs) return this.close(`it read nothing for ${silenceMs} ms`);
    this.#reportNow();
    const reportedAt = knownInventory(this.#options)?.reportedAt ?? now;
    this.#send({ ping: { inventoryAgeMs: String(Math.max(0, now - reportedAt)) } });
  }

  /** Reports changes before the reply: a caller that has the reply finds them in the list. */
  #reply(reply: ReplyInit): void {
    if (this.#over) return;
    if (reply.more) return this.#send({ reply });
    this.#reportNow();
    this.#send({ reply });
    this.#options.changed();
  }

  #reportNow(): void {
    clearTimeout(this.#reporting);
    this.#reporting = undefined;
    if (this.#over) return;
    try {
      const inventory = knownInventory(this.#options);
      if (inventory) for (const records of this.#reporter.next(inventory)) this.#send({ records });
    } catch (error) {
      // Timers call this, too: an error that is not caught here would end the process instead of one stream.
      this.#options.log.error({ error }, 'the inventory could not be reported');
      this.close(messageOf(error));
    }
  }
}
