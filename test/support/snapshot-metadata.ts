import { Client, credentials, Metadata } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { officialProto } from './official-proto.ts';

/** The way to Kubernetes' SnapshotMetadata service of a driver. */
export interface MetadataService {
  /** For gRPC: `unix:/path` of a socket that is forwarded to the service. */
  readonly target: string;
  /** The name that its certificate must have. */
  readonly name: string;
  /** PEM of the authority of its certificate. */
  readonly authority: string;
}

/** The blocks of a snapshot, in bytes. */
export interface Blocks {
  /** Size of the volume; absent if there was no message. */
  readonly capacity?: number;
  readonly extents: readonly { readonly start: number; readonly length: number }[];
}

interface Message {
  readonly volumeCapacityBytes: number;
  readonly blockMetadata?: readonly { readonly byteOffset: number; readonly sizeBytes: number }[];
}

export type ListBlocks = (method: 'GetMetadataAllocated' | 'GetMetadataDelta', request: object) => Promise<Blocks>;

/** A client as backup programs have one: it takes the lists of blocks of VolumeSnapshots. The calls reject with a ServiceError. */
export function createMetadataClient(service: MetadataService): { readonly list: ListBlocks; close(): void } {
  const { root } = protobuf.parse(officialProto('snapshot-metadata'));
  const client = new Client(service.target, credentials.createSsl(Buffer.from(service.authority)), {
    'grpc.ssl_target_name_override': service.name,
    'grpc.default_authority': service.name,
  });
  const list: ListBlocks = async (method, request) => {
    const path = `/snapshotmetadata.SnapshotMetadata/${method}`;
    const [ask, answer] = ['Request', 'Response'].map((part) => root.lookupType(`snapshotmetadata.${method}${part}`));
    if (ask === undefined || answer === undefined) throw new Error(`${method} is unknown`);
    const stream = client.makeServerStreamRequest(
      path,
      (value: object) => Buffer.from(ask.encode(ask.fromObject(value)).finish()),
      (bytes) => answer.toObject(answer.decode(bytes), { longs: Number, defaults: true }) as Message,
      request,
      // A replica that is about to start, or to read a new certificate, answers soon.
      new Metadata({ waitForReady: true }),
      { deadline: Date.now() + 60_000 },
    );
    const messages = (await Array.fromAsync(stream)) as Message[];
    const blocks = messages.flatMap(({ blockMetadata = [] }) => blockMetadata);
    const extents = blocks.map(({ byteOffset, sizeBytes }) => ({ start: byteOffset, length: sizeBytes }));
    const capacity = messages[0]?.volumeCapacityBytes;
    return { ...(capacity !== undefined && { capacity }), extents };
  };
  return { list, close: () => client.close() };
}
