import type { handleServerStreamingCall, ServerWritableStream } from '@grpc/grpc-js';
import { Failure } from '../domain/errors.ts';
import { type CallContext, type CallHooks, encodeReply, type Message, type Method, perform, track } from './call.ts';

/**
 * Yields the replies, in order. The next one is requested after the caller took the previous one, so memory holds one of them. When the
 * caller cancels, the signal aborts and the generator ends at its `yield`: close resources in `finally`.
 */
export type StreamHandler<Request, Response> = (request: Request, context: CallContext) => AsyncIterable<Response>;

type Call = ServerWritableStream<Buffer, Buffer>;

const defaultStallLimit = 120_000;

/** Adapts a handler to grpc-js. An absent handler answers UNIMPLEMENTED. */
export function serverStream(
  method: Method,
  handler: StreamHandler<Message, object> | undefined,
  hooks: CallHooks,
): handleServerStreamingCall<Buffer, Buffer> {
  return (call) =>
    track(hooks, async () => {
      let messages = 0;
      const work = async (request: Message, context: CallContext): Promise<void> => {
        for await (const message of handler?.(request, context) ?? []) {
          await send(call, encodeReply(method, message), context.signal, hooks.stallLimit ?? defaultStallLimit);
          messages += 1;
        }
        // A handler may return early after an abort: the caller did not get all replies.
        context.signal.throwIfAborted();
      };
      const { status, error } = await perform(method, call, handler && work, hooks, () => ({ messages }));
      if (call.cancelled) return;
      // Not destroy(): that would lose the status, and messages in flight.
      if (error === undefined) call.end();
      else call.emit('error', status);
    });
}

/**
 * Resolves when HTTP/2 has taken the message, which needs room in the caller's window. grpc-js never calls the callback of a cancelled
 * call, so the signal ends the wait too.
 *
 * @throws Failure('unavailable') if the caller takes no message for too long, so that the handler's resources are closed
 */
async function send(call: Call, bytes: Buffer, signal: AbortSignal, limit: number): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(signal.reason);
  const stalled = (): void => reject(new Failure('unavailable', `the caller took no message for ${limit / 1000} s`));
  const timer = setTimeout(stalled, limit);
  signal.addEventListener('abort', abort, { once: true });
  try {
    call.write(bytes, (error?: Error | null) => (error ? reject(error) : resolve()));
    await promise;
    signal.throwIfAborted();
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}
