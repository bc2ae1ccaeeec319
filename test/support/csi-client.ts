import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import type { ControllerDefinition } from '../../src/gen/csi/v1/Controller.ts';
import type { GroupControllerDefinition } from '../../src/gen/csi/v1/GroupController.ts';
import type { IdentityDefinition } from '../../src/gen/csi/v1/Identity.ts';
import type { NodeDefinition } from '../../src/gen/csi/v1/Node.ts';
import type { SnapshotMetadataDefinition } from '../../src/gen/csi/v1/SnapshotMetadata.ts';
import { decode, encode, loadProto, methodsOf } from '../../src/grpc/load.ts';

export interface CallOptions {
  /** Milliseconds until the call fails with DEADLINE_EXCEEDED; default: one minute. */
  readonly deadlineMs?: number;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
  /** Keep trying to connect until the deadline, for a server that is about to start. */
  readonly waitForReady?: boolean;
}

/** The methods of a generated service as promises; they reject with a ServiceError, which has `code` and `details`. */
type Calls<Definition> = {
  [Name in keyof Definition as string extends Name ? never : Uncapitalize<Name & string>]: Definition[Name] extends {
    requestSerialize: (value: infer Request) => Buffer;
    responseDeserialize: (bytes: Buffer) => infer Response;
  }
    ? (request: Request, options?: CallOptions) => Promise<Response>
    : never;
};

/** The methods of a service whose replies are many messages; leaving the loop cancels the call. */
type Streams<Definition> = {
  [Name in keyof Calls<Definition>]: Calls<Definition>[Name] extends (
    request: infer Request,
    options?: CallOptions,
  ) => Promise<infer Response>
    ? (request: Request, options?: CallOptions) => AsyncIterable<Response>
    : never;
};

export interface CsiClient {
  readonly identity: Calls<IdentityDefinition>;
  readonly controller: Calls<ControllerDefinition>;
  readonly groupController: Calls<GroupControllerDefinition>;
  readonly node: Calls<NodeDefinition>;
  readonly snapshotMetadata: Streams<SnapshotMetadataDefinition>;
  /** Sends raw bytes, for requests that are not messages. `path` is `/csi.v1.Identity/Probe`. */
  raw(path: string, bytes: Buffer, options?: CallOptions): Promise<Buffer>;
  close(): void;
}

/** @param address `unix:///path` */
export function createCsiClient(address: string): CsiClient {
  const root = loadProto();
  const client = new Client(address, credentials.createInsecure(), {
    // Our own connection: the backoff after a server that another test stopped must not apply here.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.initial_reconnect_backoff_ms': 50,
    'grpc.max_reconnect_backoff_ms': 500,
    'grpc.max_receive_message_length': -1,
  });
  const raw: CsiClient['raw'] = (path, bytes, options = {}) => call(client, path, bytes, options);

  const service = (name: string): Record<string, unknown> => {
    const calls = methodsOf(root, `csi.v1.${name}`).map((method) => {
      const send = async (request: object, options?: CallOptions): Promise<object> => {
        const reply = await raw(`/csi.v1.${name}/${method.name}`, encode(method.resolvedRequestType, request), options);
        return decode(method.resolvedResponseType, reply);
      };
      return [`${method.name.charAt(0).toLowerCase()}${method.name.slice(1)}`, send];
    });
    return Object.fromEntries(calls);
  };

  const streams = methodsOf(root, 'csi.v1.SnapshotMetadata').map((method) => {
    const send = (request: object, options: CallOptions = {}): AsyncIterable<object> =>
      messagesOf(client, method, encode(method.resolvedRequestType, request), options);
    return [`${method.name.charAt(0).toLowerCase()}${method.name.slice(1)}`, send];
  });

  return {
    identity: service('Identity') as CsiClient['identity'],
    controller: service('Controller') as CsiClient['controller'],
    groupController: service('GroupController') as CsiClient['groupController'],
    node: service('Node') as CsiClient['node'],
    snapshotMetadata: Object.fromEntries(streams) as CsiClient['snapshotMetadata'],
    raw,
    close: () => client.close(),
  };
}

const same = (bytes: Buffer): Buffer => bytes;

async function* messagesOf(
  client: Client,
  { name, resolvedResponseType }: ReturnType<typeof methodsOf>[number],
  bytes: Buffer,
  { deadlineMs = 60_000, signal }: CallOptions,
): AsyncGenerator<object, void> {
  const path = `/csi.v1.SnapshotMetadata/${name}`;
  const stream = client.makeServerStreamRequest(path, same, same, bytes, { deadline: Date.now() + deadlineMs });
  const cancel = (): void => stream.cancel();
  signal?.addEventListener('abort', cancel);
  try {
    for await (const message of stream) yield decode(resolvedResponseType, message as Buffer);
  } finally {
    signal?.removeEventListener('abort', cancel);
    stream.cancel();
  }
}

function call(client: Client, path: string, bytes: Buffer, options: CallOptions): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const metadata = new Metadata({ waitForReady: options.waitForReady ?? false });
  const deadline = Date.now() + (options.deadlineMs ?? 60_000);
  const answered = (error: ServiceError | null, reply?: Buffer): void => {
    options.signal?.removeEventListener('abort', cancel);
    if (reply === undefined) reject(error ?? new Error(`${path} answered with nothing`));
    else resolve(reply);
  };
  const request = client.makeUnaryRequest(path, same, same, bytes, metadata, { deadline }, answered);
  const cancel = (): void => request.cancel();
  if (options.signal?.aborted === true) cancel();
  else options.signal?.addEventListener('abort', cancel);
  return promise;
}
