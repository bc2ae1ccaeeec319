import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import type { Fleet } from '../../domain/fleet.ts';
import type { NodeName } from '../../domain/ids.ts';
import type { Log } from '../../log.ts';
import type { CredentialFiles } from '../wire/credentials.ts';
import { largestMessage } from '../wire/bounds.ts';
import { loadProtocol } from '../wire/protocol.ts';
import { defaultTiming, type Timing } from '../wire/timing.ts';
import { Attachment } from './attachment.ts';
import type { AttachmentContext } from './context.ts';
import type { Identify } from './identity.ts';
import { createListener, type Peer } from './listener.ts';
import { Members } from './members.ts';
import { Streams } from './streams.ts';
import { createRefusals, type Reason } from './refusals.ts';

export interface FleetServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** The certificate of the server; with `ca`, nodes must show one of theirs. */
  readonly files: CredentialFiles;
  /** Milliseconds after which the files are read again. */
  readonly reload?: number;
  readonly identify: Identify;
  readonly driver: string;
  readonly driverVersion: string;
  readonly log: Log;
  readonly timing?: Timing;
  /** Milliseconds after which the token of an attached stream is reviewed again, at the latest. Default: 5 minutes. */
  readonly reviewEvery?: number;
  /** Milliseconds since the epoch; for tests. */
  readonly now?: () => number;
  /** Milliseconds from any fixed moment; for tests. */
  readonly ticks?: () => number;
}

/** The controller's end of the streams that nodes dial. */
export interface FleetServer {
  readonly fleet: Fleet;
  /** Whether nodes can dial it; not whether any has. */
  listening(): boolean;
  /** Peers that were refused or cut off, by reason. */
  refused(): ReadonlyMap<Reason, number>;
  /** Reviews the streams whose token is bound to that pod. */
  podGone(uid: string): void;
  /** Throws `unavailable`. Resolves with the port. */
  start(): Promise<number>;
  /** Ends every stream; calls in flight end with an unknown outcome. */
  stop(): Promise<void>;
}

/** Milliseconds between two checks of each stream: messages, progress, credential. */
const sweepEvery = 1000;

/** Listens after `start`. `fleet` has what nodes report, and changes their volumes. */
export function createFleetServer(options: FleetServerOptions): FleetServer {
  const { log, timing = defaultTiming, now = Date.now, ticks = () => performance.now() } = options;
  const protocol = loadProtocol();
  const members = new Members(now, protocol);
  const refusals = createRefusals(log, now);
  const current = new Map<NodeName, Attachment>();
  const streams = new Streams(ticks);
  const context = { ...options, protocol, members, current, streams, refusals, timing, now, ticks };
  const attachments = new Set<Attachment>();
  const grpc = createGrpc(protocol, context, attachments);
  const listener = createListener({
    ...options,
    reload: options.reload ?? 10_000,
    greeting: timing.greeting,
    accept: (socket, peer) => grpc.accept(socket, peer),
    refuse: (refusal, peer) => refusals.add(refusal, { peer }),
  });
  let sweep: NodeJS.Timeout | undefined;
  return {
    fleet: members,
    listening: () => listener.listening(),
    refused: () => refusals.counts(),
    podGone: (uid) => attachments.forEach((one) => one.podGone(uid)),
    async start() {
      const port = await listener.start();
      sweep = setInterval(() => attachments.forEach((one) => one.check()), Math.min(sweepEvery, timing.silence / 4));
      sweep.unref();
      return port;
    },
    async stop() {
      clearInterval(sweep);
      const ends = [...attachments].map((one) => one.ended);
      for (const one of attachments) one.finish('the controller is stopping');
      await Promise.all(ends);
      await listener.stop();
      grpc.server.forceShutdown();
    },
  };
}

/** The gRPC server gets its connections from our listener, after their TLS handshake. */
function createGrpc(
  { definition }: AttachmentContext['protocol'],
  context: AttachmentContext,
  attachments: Set<Attachment>,
) {
  const peers = new Map<string, Peer>();
  const server = new Server({
    'grpc.max_receive_message_length': largestMessage,
    'grpc.max_concurrent_streams': 1,
    // Megabytes; grpc-js would set no limit.
    'grpc-node.max_session_memory': 10,
    // Pings are messages of a stream; these end connections that have no stream any more.
    'grpc.max_connection_idle_ms': context.timing.silence,
    'grpc.keepalive_time_ms': context.timing.silence,
    'grpc.keepalive_timeout_ms': context.timing.silence,
  });
  server.addService(definition, {
    connect(call: ServerDuplexStream<Buffer, Buffer>) {
      const peer = peers.get(call.getPeer());
      if (!peer) return call.destroy();
      const attachment = new Attachment(call, peer, context);
      attachments.add(attachment);
      void attachment.ended.then(() => attachments.delete(attachment));
      void attachment.start();
    },
  });
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  return {
    server,
    accept(socket: Parameters<typeof injector.injectConnection>[0], peer: Peer) {
      peers.set(peer.address, peer);
      socket.on('close', () => peers.delete(peer.address));
      injector.injectConnection(socket);
    },
  };
}
