import { setImmediate as nextTurn } from 'node:timers/promises';
import { Failure, isFailure } from '../../domain/errors.ts';
import type { Call } from '../../gen/quarry/fleet/v1/Call.ts';
import type { ReplyInit } from '../../gen/quarry/fleet/v1/Reply.ts';
import type { CallContext, Message } from '../../grpc/call.ts';
import type { Log } from '../../log.ts';
import { largestPayload, readDelay } from './bounds.ts';
import { writeFailure } from './failures.ts';
import type { NodeMethod } from './methods.ts';

/** More calls than a controller sends at once. */
const mostRunning = 1024;

/** Bytes of the requests of all calls that run: more than a controller has in flight. */
const mostBytes = 16 * 1024 * 1024;

/** Messages of a reply that are sent before other work runs. */
const slice = 16;

/** The most credit that counts, however much a caller gives. */
const mostCredit = 1024;

/** A method that the peer may call. Payloads are bytes: `serve` makes it from a typed one. */
export interface Handler {
  /** A streaming reply is any number of messages, any other exactly one. */
  readonly streams: boolean;
  /** Whether it changes nothing; its line in the log is for debugging then. */
  readonly reads: boolean;
  /** Throws `invalid` for a payload that cannot be read. */
  open(payload: Buffer): Opened;
}

/** A call whose request is read. */
export interface Opened {
  /** The volume that it is about, for the log. */
  readonly volume: string | undefined;
  replies(context: CallContext): AsyncIterable<Buffer>;
}

export interface ResponderOptions {
  readonly node: string;
  /** By full name, such as `quarry.node.v1.Volumes/Create`. */
  readonly methods: ReadonlyMap<string, Handler>;
  readonly reply: (reply: ReplyInit) => void;
  readonly log: Log;
}

/** Serves the calls that arrive over one stream. */
export class Responder {
  readonly #options: ResponderOptions;
  readonly #running = new Map<string, Running>();
  #bytes = 0;
  #draining = false;
  #lastId = 0n;

  constructor(options: ResponderOptions) {
    this.#options = options;
  }

  /** Throws `invalid` when there are more calls, or more bytes of requests, at once than a controller sends. */
  accept(call: Call): void {
    // Ids rise. A repeated id is a call that has begun already.
    if (BigInt(call.id) <= this.#lastId) return;
    this.#lastId = BigInt(call.id);
    if (this.#running.size >= mostRunning) {
      throw new Failure('invalid', `more than ${mostRunning} calls at once`);
    }
    this.#bytes += call.payload.length;
    if (this.#bytes > mostBytes) throw new Failure('invalid', `more than ${mostBytes} bytes of requests at once`);
    const running = new Running(call.credit);
    this.#running.set(call.id, running);
    // In a later turn, so that the call is registered before it can end.
    const refused = this.#draining;
    running.done = Promise.resolve().then(() => this.#run(call, running, refused));
  }

  credit(id: string, count: number): void {
    this.#running.get(id)?.grant(count);
  }

  cancel(id: string): void {
    this.#running.get(id)?.abort();
  }

  /** Begins no further call. Resolves when those that had begun have ended and their replies are sent. */
  async drain(): Promise<void> {
    this.#draining = true;
    await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  /** Cancels every call. A command that LVM is executing runs to its end. */
  stop(): void {
    for (const running of this.#running.values()) running.abort();
  }

  async #run(call: Call, running: Running, refused: boolean): Promise<void> {
    const { reply, methods, node } = this.#options;
    const { id, method } = call;
    const began = performance.now();
    const timeout = readDelay(call.timeoutMs);
    running.limit(timeout);
    const handler = methods.get(method);
    let volume: string | undefined;
    try {
      if (refused) throw new Failure('unavailable', `node ${node} is stopping; nothing was started`);
      if (!handler)
        throw new Failure('unimplemented', `node ${node} does not know ${method.slice(0, 128)}: upgrade it`);
      const opened = handler.open(call.payload);
      ({ volume } = opened);
      await this.#answer(id, handler, opened, running);
      this.#report({ method, volume }, handler, began);
    } catch (error) {
      reply({ id, error: writeFailure(error) });
      this.#report({ method: method.slice(0, 128), volume }, handler, began, error);
    } finally {
      running.limit(0);
      this.#bytes -= call.payload.length;
      this.#running.delete(id);
    }
  }

  async #answer(id: string, { streams }: Handler, opened: Opened, running: Running): Promise<void> {
    const { reply, log } = this.#options;
    let sent = 0;
    for await (const payload of opened.replies({ signal: running.signal, log })) {
      if (payload.length > largestPayload) {
        // No Failure: the work is done, and `exhausted` would say that it is not.
        throw new Error(`an answer is ${payload.length} bytes long, the limit is ${largestPayload}`);
      }
      if (streams) await running.spend();
      reply({ id, payload, ...(streams && { more: true }) });
      if (streams) running.limit();
      sent += 1;
      if (sent % slice === 0) await nextTurn();
    }
    if (!streams) return;
    // A method may take an abort for its end; the caller did not get all.
    running.signal.throwIfAborted();
    reply({ id });
  }

  /** One line a call, as each CSI call has: a call that changes something at `info`. */
  #report(subject: object, handler: Handler | undefined, began: number, error?: unknown): void {
    const { log } = this.#options;
    const fields = { ...subject, duration_ms: Math.round(performance.now() - began) };
    if (error !== undefined && !isFailure(error)) log.error({ ...fields, error }, 'call of a controller');
    else {
      const outcome = error && { error: error.message, kind: error.kind };
      log[handler?.reads ? 'debug' : 'info']({ ...fields, ...outcome }, 'call of a controller');
    }
  }
}

/** A call that is being served. */
class Running {
  done: Promise<void> = Promise.resolve();
  readonly #controller = new AbortController();
  #credit: number;
  #granted = Promise.withResolvers<void>();
  #timeout = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(credit: number) {
    this.#credit = Math.min(credit, mostCredit);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Aborts the call after so many milliseconds from now; default: as many as before; 0: never. */
  limit(timeout = this.#timeout): void {
    clearTimeout(this.#timer);
    this.#timeout = timeout;
    if (timeout > 0) this.#timer = setTimeout(() => this.abort(), timeout);
  }

  abort(): void {
    this.#controller.abort(new Failure('cancelled', 'the caller gave up'));
    this.#granted.resolve();
  }

  grant(count: number): void {
    this.#credit = Math.min(this.#credit + count, mostCredit);
    this.#granted.resolve();
  }

  /** Waits until the caller takes another message. Throws `cancelled` when it has given up. */
  async spend(): Promise<void> {
    while (this.#credit <= 0) {
      this.signal.throwIfAborted();
      this.#granted = Promise.withResolvers<void>();
      await this.#granted.promise;
    }
    this.signal.throwIfAborted();
    this.#credit -= 1;
  }
}

type Serve = (request: Message, context: CallContext) => Promise<object> | AsyncIterable<object>;

/** Methods that change nothing. */
const reading = /^(?:Get|List|Find)/;

/** The handlers of a service by the full names of its methods. A method without a function in `served` is left out. */
export function serve(methods: readonly NodeMethod[], served: object): Map<string, Handler> {
  const loose = served as Readonly<Record<string, Serve | undefined>>;
  return new Map(methods.flatMap((method) => handlerOf(method, loose[method.key])));
}

function handlerOf(method: NodeMethod, serveOne: Serve | undefined): [string, Handler][] {
  if (!serveOne) return [];
  const open: Handler['open'] = (payload) => {
    const request = method.readRequest(payload);
    return {
      volume: volumeOf(request),
      async *replies(context) {
        const result = serveOne(request, context);
        if (Symbol.asyncIterator in result) for await (const message of result) yield method.writeResponse(message);
        else yield method.writeResponse(await result);
      },
    };
  };
  return [[method.path, { streams: method.streams, reads: reading.test(method.name), open }]];
}

function volumeOf({ volume, spec }: Message): string | undefined {
  const named = volume ?? (spec as Message | undefined | null)?.['name'];
  return typeof named === 'string' ? named : undefined;
}
