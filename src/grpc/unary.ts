import { type handleUnaryCall, type ServerUnaryCall, status } from '@grpc/grpc-js';
import type protobuf from 'protobufjs';
import { Failure } from '../domain/errors.ts';
import type { Log } from '../log.ts';
import { checkLimits } from './limits.ts';
import { decode, encode, type methodsOf } from './load.ts';
import { redact } from './redact.ts';
import { type CallStatus, isUnknown, statusOf } from './status.ts';

export interface CallContext {
  /** Aborts when the caller gives up, its deadline passes, or the server is stopped by force. */
  readonly signal: AbortSignal;
  readonly log: Log;
}

export type UnaryHandler<Request, Response> = (request: Request, context: CallContext) => Promise<Response>;

export interface CallHooks {
  readonly log: Log;
  /** Called once a call, with the code's name. */
  readonly observe?: (method: string, code: string, seconds: number) => void;
  /** Milliseconds from any fixed moment; for tests. */
  readonly now?: () => number;
  /** Holds the calls that are being served. A caller that gave up is gone from the connection, but not from here. */
  readonly running?: Set<Promise<void>>;
}

export type Method = ReturnType<typeof methodsOf>[number];
type Message = Record<string, unknown>;
type AnyHandler = UnaryHandler<Message, object>;

interface Outcome {
  readonly status: CallStatus;
  readonly request?: Message | undefined;
  readonly response?: Buffer;
  readonly error?: unknown;
}

/** RPCs that change nothing: their lines are for debugging, since sidecars and probes repeat them for ever. */
const reading = /^Probe$|^(?:Node|Controller|GroupController)?(?:Get|List|Validate)/;

/**
 * Turns a handler into what grpc-js calls: decodes, checks limits, hands over the signal, maps errors, writes the one line of the
 * log. Whatever the handler does, the caller gets a status and the process lives.
 */
export function unary(
  method: Method,
  handler: AnyHandler | undefined,
  hooks: CallHooks,
): handleUnaryCall<Buffer, Buffer> {
  const now = hooks.now ?? (() => performance.now());
  const serve: (...args: Parameters<handleUnaryCall<Buffer, Buffer>>) => Promise<void> = async (call, reply) => {
    const started = now();
    const outcome = await withSignal(call, (signal) =>
      answer(method, handler, call.request, { signal, log: hooks.log }),
    );
    report(method, outcome, now() - started, hooks);
    if (outcome.response === undefined) reply(outcome.status);
    else reply(null, outcome.response);
  };
  return (call, reply) => {
    // grpc-js throws from the reply when the stream is in a state that it did not foresee.
    const served = serve(call, reply).catch(warn);
    hooks.running?.add(served);
    void served.finally(() => hooks.running?.delete(served));
  };
}

/** grpc-js emits 'cancelled' after successful calls too, so the handler is detached as soon as the work has settled. */
async function withSignal<T>(
  call: ServerUnaryCall<Buffer, Buffer>,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
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

async function answer(
  method: Method,
  handler: AnyHandler | undefined,
  bytes: Buffer,
  context: CallContext,
): Promise<Outcome> {
  let request: Message | undefined;
  try {
    if (handler === undefined) throw new Failure('unimplemented', `this driver does not offer ${method.name}`);
    request = parse(method.resolvedRequestType, bytes);
    // Of all our interfaces CSI alone limits what a field may hold.
    if (method.resolvedRequestType.fullName.startsWith('.csi.v1.')) checkLimits(method.resolvedRequestType, request);
    const response = encode(method.resolvedResponseType, await handler(request, context));
    return { status: { code: status.OK, details: '' }, request, response };
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

/** A logger or a metric that throws must not cost the caller its answer. */
function report(method: Method, outcome: Outcome, milliseconds: number, hooks: CallHooks): void {
  const code = status[outcome.status.code];
  try {
    hooks.observe?.(method.name, code, milliseconds / 1000);
    const volume = volumeOf(outcome.request);
    const fields = { method: method.name, volume, duration_ms: Math.round(milliseconds * 10) / 10, code };
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
