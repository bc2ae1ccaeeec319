import { Failure } from '../../domain/errors.ts';
import type { Message } from '../../grpc/call.ts';
import { decode, encode, methodsOf } from '../../grpc/load.ts';

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
