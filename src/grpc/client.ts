import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { Failure, type FailureKind } from '../domain/errors.ts';
import { decode, encode, type Interface, loadProto, methodsOf } from './load.ts';
import { kinds } from './status.ts';

/** The methods of a generated service as async functions under camelCase names. They throw the server's failure. */
export type Calls<Methods> = {
  [Name in keyof Methods]: Methods[Name] extends (request: infer Request, ...rest: never[]) => Promise<infer Response>
    ? (request: Partial<Request>) => Promise<Required<Response>>
    : never;
};

/** Milliseconds. Longer than a node needs for any command. */
const callDeadline = 150_000;

/** Calls a service on a unix socket of this machine. */
export async function withClient<Methods, Result>(
  path: string,
  { proto, service }: { readonly proto: Interface; readonly service: string },
  task: (calls: Calls<Methods>) => Promise<Result>,
): Promise<Result> {
  const client = new Client(`unix://${path}`, credentials.createInsecure());
  const name = `${proto.package}.${service}`;
  const calls = methodsOf(loadProto(proto), name).map((method) => {
    const call = async (request: object): Promise<object> => {
      const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
      const options = { deadline: Date.now() + callDeadline };
      const bytes = encode(method.resolvedRequestType, request);
      client.makeUnaryRequest(`/${name}/${method.name}`, same, same, bytes, options, (error, reply) => {
        if (reply === undefined) reject(failureOf(path, error));
        else resolve(reply);
      });
      return decode(method.resolvedResponseType, await promise);
    };
    return [`${method.name.charAt(0).toLowerCase()}${method.name.slice(1)}`, call];
  });
  try {
    return await task(Object.fromEntries(calls) as Calls<Methods>);
  } finally {
    client.close();
  }
}

function same(bytes: Buffer): Buffer {
  return bytes;
}

function failureOf(path: string, error: ServiceError | null): Failure {
  const kind: FailureKind = kinds.get(error?.code ?? status.UNKNOWN) ?? 'unavailable';
  // grpc-js's own text for a socket without a server does not say what to do.
  const unserved = error?.code === status.UNAVAILABLE && error.details.startsWith('No connection established');
  if (unserved) {
    return new Failure(kind, `no Quarry answers on ${path}: does it run here, and may you open its socket?`);
  }
  return new Failure(kind, error?.details || `no answer from ${path}`, { cause: error });
}
