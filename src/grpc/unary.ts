import type { handleUnaryCall } from '@grpc/grpc-js';
import { type CallContext, type CallHooks, encodeReply, type Message, type Method, perform, track } from './call.ts';

/** Resolves with the reply. */
export type UnaryHandler<Request, Response> = (request: Request, context: CallContext) => Promise<Response>;

/** Adapts a handler to grpc-js. An absent handler answers UNIMPLEMENTED. */
export function unary(
  method: Method,
  handler: UnaryHandler<Message, object> | undefined,
  hooks: CallHooks,
): handleUnaryCall<Buffer, Buffer> {
  const work =
    handler && (async (request: Message, context: CallContext) => encodeReply(method, await handler(request, context)));
  return (call, reply) =>
    track(hooks, async () => {
      const { status, result } = await perform(method, call, work, hooks);
      if (result === undefined) reply(status);
      else reply(null, result);
    });
}
