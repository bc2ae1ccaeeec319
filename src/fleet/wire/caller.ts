import type { handleServerStreamingCall } from '@grpc/grpc-js';
import { Failure, messageOf } from '../../domain/errors.ts';
import type { Reply } from '../../gen/quarry/fleet/v1/Reply.ts';
import type { ToNodeInit } from '../../gen/quarry/fleet/v1/ToNode.ts';
import { largestPayload } from './bounds.ts';
import { Exchange, window } from './exchange.ts';
import { readFailure } from './failures.ts';
import type { NodeMethod } from './methods.ts';

/** Calls that one stream may have in flight; each sidecar has 100 workers. */
const mostInFlight = 512;

/** Bytes of replies that may wait for their consumers, over all calls of a stream. */
const mostHeld = 16 * 1024 * 1024;

export interface CallOptions {
  readonly signal: AbortSignal;
}

export interface CallerOptions {
  /** The name of the node that is called. */
  readonly node: string;
  /** Milliseconds from a call to the end of its reply, or, of a reply of many messages, from one message to the next. */
  readonly timeout: number;
  readonly send: (message: Pick<ToNodeInit, 'call' | 'credit' | 'cancel'>) => void;
  /** Called when the last call in flight has ended. */
  readonly idle: () => void;
}

/** Calls methods of a node over one stream. Payloads are bytes: `bind` gives them types. */
export class Caller {
  readonly #options: CallerOptions;
  readonly #exchanges = new Map<string, Exchange>();
  #lastId = 0;
  #held = 0;
  #ended: string | undefined;

  constructor(options: CallerOptions) {
    this.#options = options;
  }

  get inFlight(): number {
    return this.#exchanges.size;
  }

  /** The one message of the reply. Throws the node's failure, or `unavailable` where the outcome is not known. */
  async unary(method: string, payload: Buffer, options: CallOptions): Promise<Buffer> {
    for await (const message of this.stream(method, payload, options)) return message;
    throw this.#unknown('its answer is not known here');
  }

  /** The messages of the reply, in order. Leaving the loop early cancels the call. Throws as {@link unary} does. */
  async *stream(method: string, payload: Buffer, { signal }: CallOptions): AsyncGenerator<Buffer, void> {
    const { timeout, send } = this.#options;
    const exchange = this.#begin(payload, signal);
    const { id } = exchange;
    const abort = (): void => exchange.fail(new Failure('cancelled', 'the caller gave up'));
    const late = (): void => exchange.fail(this.#unknown(`it did not answer within ${timeout} ms`));
    let timer = setTimeout(late, timeout);
    signal.addEventListener('abort', abort);
    try {
      send({ call: { id, timeoutMs: String(timeout), method, payload, credit: window } });
      for (let message = await exchange.next(); message !== undefined; message = await exchange.next()) {
        this.#held -= message.length;
        clearTimeout(timer);
        timer = setTimeout(late, timeout);
        yield message;
        const count = exchange.consumed();
        if (count > 0) send({ credit: { id, count } });
      }
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      if (!exchange.complete && this.#ended === undefined) send({ cancel: { id } });
      this.#held -= exchange.waitingBytes;
      this.#exchanges.delete(id);
      if (this.#exchanges.size === 0) this.#options.idle();
    }
  }

  /** Drops a reply to a call that was given up. Throws `invalid` when the node sends more messages than it has credit for. */
  receive({ id, payload, error, more }: Reply): void {
    const exchange = this.#exchanges.get(id);
    if (!exchange) return;
    if (error) return exchange.fail(readFailure(error, this.#options.node), true);
    if (exchange.accept(payload, more)) this.#held += payload?.length ?? 0;
    if (this.#held > mostHeld) exchange.fail(this.#unknown('more of its answers wait than can be held'));
  }

  /** Every call in flight ends with an unknown outcome, and no other begins. */
  end(reason: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    for (const exchange of this.#exchanges.values()) exchange.fail(this.#unknown(reason));
  }

  #begin(payload: Buffer, signal: AbortSignal): Exchange {
    const { node } = this.#options;
    if (signal.aborted) throw new Failure('cancelled', 'the caller gave up');
    if (this.#ended !== undefined) throw this.#unknown(this.#ended);
    if (this.#exchanges.size >= mostInFlight) {
      throw new Failure('unavailable', `node ${node} has ${mostInFlight} operations in flight: try again`);
    }
    if (payload.length > largestPayload) {
      throw new Failure('invalid', `the request is ${payload.length} bytes long, the limit is ${largestPayload}`);
    }
    const exchange = new Exchange(String(++this.#lastId));
    this.#exchanges.set(exchange.id, exchange);
    return exchange;
  }

  #unknown(reason: string): Failure {
    const { node } = this.#options;
    return new Failure('unavailable', `the outcome of the operation on node ${node} is not known: ${reason}`);
  }
}

/** The functions that call a generated service over the stream of a node. */
export type Calls<Definition, Handlers> = {
  readonly [
    Name in keyof Definition as string extends Name ? never : Uncapitalize<Name & string>
  ]: Definition[Name] extends Method<infer Request, infer Response>
    ? (
        to: Target,
        request: Request,
        options: CallOptions,
      ) => Handlers[Name & keyof Handlers] extends Streaming ? AsyncIterable<Response> : Promise<Response>
    : never;
};

interface Method<Request, Response> {
  requestSerialize(request: Request): Buffer;
  responseDeserialize(bytes: Buffer): Response;
}

type Streaming = handleServerStreamingCall<never, never>;

/** The two ways to call over a stream. */
export type Channel = Pick<Caller, 'unary' | 'stream'>;

/** A node that is called. */
export interface Target {
  /** The stream of the moment. Throws `unavailable` where there is none. */
  channel(): Channel;
  /** Called with the reason when an answer is one that no node of ours gives. */
  unusable(reason: string): void;
}

/** The functions that call a service: its `Calls`, for all nodes. They throw `unavailable` for an answer that cannot be decoded. */
export function bind(methods: readonly NodeMethod[]): object {
  const calls = methods.map((method) => {
    const read = (to: Target, payload: Buffer): object => {
      try {
        return method.readResponse(payload);
      } catch (error) {
        to.unusable(messageOf(error));
        throw error;
      }
    };
    const unary = async (to: Target, request: object, options: CallOptions): Promise<object> =>
      read(to, await to.channel().unary(method.path, method.writeRequest(request), options));
    async function* stream(to: Target, request: object, options: CallOptions): AsyncGenerator<object> {
      const messages = to.channel().stream(method.path, method.writeRequest(request), options);
      for await (const message of messages) yield read(to, message);
    }
    return [method.key, method.streams ? stream : unary];
  });
  return Object.fromEntries(calls);
}
