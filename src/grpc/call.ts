import { status } from '@grpc/grpc-js';
import type protobuf from 'protobufjs';
import { Failure } from '../domain/errors.ts';
import type { Log } from '../log.ts';
import { checkFieldLimits } from './field-limits.ts';
import { decode, encode, type methodsOf } from './load.ts';
import { redact } from './redact.ts';
import { type CallStatus, isUnknown, statusOf } from './status.ts';

/** Bytes, for both directions. A Go client accepts no more by default; the largest list page has to fit. */
export const largestMessage = 4 * 1024 * 1024;

/** The second argument of a handler. */
export interface CallContext {
  /** Aborts when the caller cancels, its deadline passes, or the server is stopped by force. */
  readonly signal: AbortSignal;
  readonly log: Log;
}

export interface CallHooks {
  readonly log: Log;
  /** Called once for each call, with the name of its gRPC code. */
  readonly observe?: (method: string, code: string, seconds: number) => void;
  /** Milliseconds from any fixed moment; for tests. */
  readonly now?: () => number;
  /** The calls that are being served, also those whose caller has cancelled. */
  readonly running?: Set<Promise<void>>;
  /** Milliseconds that a stream waits for its caller to take a message; default: two minutes. */
  readonly stallLimit?: number;
}

export type Method = ReturnType<typeof methodsOf>[number];
/** A decoded protobuf message, its fields in lower camel case and 64-bit numbers as text. */
export type Message = Record<string, unknown>;

/** The part of grpc-js's call that all kinds with one request share. */
interface Incoming {
  readonly request: Buffer;
  readonly cancelled: boolean;
  once(event: 'cancelled', listener: () => void): unknown;
  off(event: 'cancelled', listener: () => void): unknown;
}

export interface Outcome<Result> {
  readonly status: CallStatus;
  readonly request?: Message | undefined;
  readonly result?: Result;
  readonly error?: unknown;
}

/** Handles a decoded request; the caller gets the status of the error it throws. */
export type Work<Result> = (request: Message, context: CallContext) => Promise<Result>;

/** RPCs that change nothing: logged at `debug`, since sidecars and probes repeat them for ever. */
const reading = /^Probe$|^(?:Node|Controller|GroupController)?(?:Get|List|Validate)/;

/**
 * The common part of all kinds of calls: decodes, checks limits, passes the signal, maps errors, and writes one line to the log. Never
 * throws: the caller always gets a status, and the process stays alive.
 */
export async function perform<Result>(
  method: Method,
  call: Incoming,
  work: Work<Result> | undefined,
  hooks: CallHooks,
  more: () => object = () => ({}),
): Promise<Outcome<Result>> {
  const now = hooks.now ?? (() => performance.now());
  const started = now();
  const outcome = await withSignal(call, (signal) => answer(method, work, call.request, { signal, log: hooks.log }));
  report(method, outcome, now() - started, hooks, more);
  return outcome;
}

/** Keeps a call in `running` until it ends. Catches what grpc-js throws at the end of a call in unexpected states. */
export function track(hooks: CallHooks, call: () => Promise<void>): void {
  const served = call().catch(warn);
  hooks.running?.add(served);
  void served.finally(() => hooks.running?.delete(served));
}

/** @throws Failure('exhausted') if the message is larger than clients accept; grpc-js would refuse it without a line in the log */
export function encodeReply(method: Method, message: object): Buffer {
  const bytes = encode(method.resolvedResponseType, message);
  if (bytes.length <= largestMessage) return bytes;
  throw new Failure('exhausted', `the reply is ${bytes.length} bytes long, the limit is ${largestMessage}`);
}

/** grpc-js emits 'cancelled' after successful calls too, so the handler is detached as soon as the work has settled. */
async function withSignal<T>(call: Incoming, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const abort = (): void => controller.abort(new Failure('cancelled', 'the caller gave up'));
  call.once('cancelled', abort);
  if (call.cancelled) abort();
  try {
    return await work(controller.signal);
  } finally {
    call.off('cancelled', abort);
  }
}

async function answer<Result>(
  method: Method,
  work: Work<Result> | undefined,
  bytes: Buffer,
  context: CallContext,
): Promise<Outcome<Result>> {
  let request: Message | undefined;
  try {
    if (work === undefined) throw new Failure('unimplemented', `this driver does not offer ${method.name}`);
    request = parse(method.resolvedRequestType, bytes);
    // CSI is the only one of our interfaces with size limits for fields.
    if (method.resolvedRequestType.fullName.startsWith('.csi.v1.'))
      checkFieldLimits(method.resolvedRequestType, request);
    return { status: { code: status.OK, details: '' }, request, result: await work(request, context) };
  } catch (error) {
    return { status: statusOf(error, context.signal), request, error };
  }
}

function parse(type: protobuf.Type, bytes: Buffer): Message {
  try {
    return decode(type, bytes);
  } catch (cause) {
    throw new Failure('invalid', `the request is not a well-formed ${type.name}`, { cause });
  }
}

/** A logger or a metric that throws must not prevent the reply. */
function report(
  method: Method,
  outcome: Outcome<unknown>,
  milliseconds: number,
  hooks: CallHooks,
  more: () => object,
): void {
  const code = status[outcome.status.code];
  try {
    hooks.observe?.(method.name, code, milliseconds / 1000);
    const volume = volumeOf(outcome.request);
    const duration = Math.round(milliseconds * 10) / 10;
    const fields = { method: method.name, volume, duration_ms: duration, code, ...more() };
    if (isUnknown(outcome.status)) {
      const request = outcome.request && redact(method.resolvedRequestType, outcome.request);
      hooks.log.error({ ...fields, err: outcome.error, request }, 'call failed unexpectedly');
      return;
    }
    const line = outcome.error === undefined ? fields : { ...fields, error: outcome.status.details };
    if (reading.test(method.name)) hooks.log.debug(line, 'call');
    else hooks.log.info(line, 'call');
  } catch (error) {
    warn(error);
  }
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}

function volumeOf(request: Message | undefined): string | undefined {
  const names = [request?.['volumeId'], request?.['snapshotId'], request?.['name']];
  return names.find((name): name is string => typeof name === 'string' && name !== '');
}
