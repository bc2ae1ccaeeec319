import type { handleServerStreamingCall } from '@grpc/grpc-js';
import { Failure } from '../../domain/errors.ts';
import type { CallContext, Message } from '../../grpc/call.ts';
import { decode, encode, methodsOf } from '../../grpc/load.ts';
import type { Caller, CallOptions } from './caller.ts';
import type { Handler } from './responder.ts';

/** The functions that call a generated service over a stream. */
export type Calls<Definition, Handlers> = {
  readonly [
    Name in keyof Definition as string extends Name ? never : Uncapitalize<Name & string>
  ]: Definition[Name] extends Method<infer Request, infer Response>
    ? (
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

type Serve = (request: Message, context: CallContext) => Promise<object> | AsyncIterable<object>;

/** Methods that change nothing. */
const reading = /^(?:Get|List|Find)/;

/** A method of a service of proto/node, made from its descriptor. */
export interface NodeMethod {
  readonly name: string;
  /** As its function is called. */
  readonly key: string;
  /** As it is called on the wire. */
  readonly path: string;
  readonly streams: boolean;
  /** Throws `invalid`. */
  readRequest(bytes: Buffer): Message;
  writeRequest(message: object): Buffer;
  /** Throws `unavailable`: an answer that cannot be read says nothing about the outcome. */
  readResponse(bytes: Buffer): Message;
  writeResponse(message: object): Buffer;
}

/** @param service with its package, such as `quarry.node.v1.Volumes` */
export function serviceOf(root: Parameters<typeof methodsOf>[0], service: string): readonly NodeMethod[] {
  return methodsOf(root, service).map((method) => {
    const { resolvedRequestType: request, resolvedResponseType: response } = method;
    return {
      name: method.name,
      key: `${method.name.charAt(0).toLowerCase()}${method.name.slice(1)}`,
      path: `${service}/${method.name}`,
      streams: method.responseStream === true,
      readRequest: (bytes) => read(request, bytes, 'invalid', 'request'),
      writeRequest: (message) => encode(request, message),
      readResponse: (bytes) => read(response, bytes, 'unavailable', 'answer'),
      writeResponse: (message) => encode(response, message),
    };
  });
}

function read(type: Parameters<typeof decode>[0], bytes: Buffer, kind: 'invalid' | 'unavailable', what: string) {
  try {
    return decode(type, bytes);
  } catch (cause) {
    throw new Failure(kind, `the ${what} is not a well-formed ${type.name}`, { cause });
  }
}

/** What serves a service over a stream: its methods by full name. */
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

/** The functions that call a service over a stream: its `Calls`. */
export function bind(methods: readonly NodeMethod[], channel: Channel): object {
  const calls = methods.map((method) => {
    const unary = async (request: object, options: CallOptions): Promise<object> =>
      method.readResponse(await channel.unary(method.path, method.writeRequest(request), options));
    async function* stream(request: object, options: CallOptions): AsyncGenerator<object> {
      const messages = channel.stream(method.path, method.writeRequest(request), options);
      for await (const message of messages) yield method.readResponse(message);
    }
    return [method.key, method.streams ? stream : unary];
  });
  return Object.fromEntries(calls);
}
