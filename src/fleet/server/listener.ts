import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { createRepeater } from '../../concurrency/repeater.ts';
import { Failure, messageOf } from '../../domain/errors.ts';
import type { Log } from '../../log.ts';
import { type CredentialFiles, type Pems, readPems, samePems } from '../wire/credentials.ts';
import type { Refusal } from './refusals.ts';

/** A connection after its TLS handshake. Its certificate, where one is required, is of our authority. */
export interface Peer {
  readonly address: string;
  readonly certificate: X509Certificate | undefined;
  /** Call it at the first call: then the time to greet is no longer counted here. */
  called(): void;
  destroy(): void;
}

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  /** With `ca`, every peer must show a certificate of it. */
  readonly files: CredentialFiles;
  /** Milliseconds after which the files are read again. */
  readonly reload: number;
  /** Milliseconds from the connection to its first call. */
  readonly greeting: number;
  readonly accept: (socket: TLSSocket, peer: Peer) => void;
  readonly refuse: (refusal: Refusal, address: string) => void;
  readonly log: Log;
}

export interface Listener {
  listening(): boolean;
  /** Throws `unavailable` when the files cannot be used or the port cannot be had. Resolves with the port. */
  start(): Promise<number>;
  stop(): Promise<void>;
}

/** More than any cluster has nodes; each connection costs about 100 KiB. */
const mostConnections = 20_000;

/**
 * The TLS port that nodes dial. It is our own, because grpc-js's server neither reports nor counts failed handshakes, and cannot cut off
 * a connection. The files are read again and again rather than watched: Kubernetes swaps symbolic links above them, and a delay of a few
 * seconds does no harm.
 */
export function createListener(options: ListenerOptions): Listener {
  const { files, log } = options;
  const sockets = new Set<Socket>();
  const tls = {
    requestCert: files.ca !== undefined,
    // Checked in `admit`, which counts refusals.
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['h2'],
    handshakeTimeout: options.greeting,
  } as const;
  const server = watched(createServer(tls), sockets, options);
  let current: Pems | undefined;
  const load = async (): Promise<void> => {
    const pems = await readPems(files);
    if (samePems(current, pems)) return;
    server.setSecureContext({ ...pems, minVersion: 'TLSv1.3' });
    if (current) log.info({ files }, 'certificates read again');
    current = pems;
  };
  const reload = createRepeater({
    task: load,
    every: options.reload,
    delay: options.reload,
    failed: (error) => log.warn({ reason: messageOf(error) }, 'certificates could not be read; the current ones stay'),
  });
  return {
    listening: () => server.listening,
    async start() {
      await load();
      return listen(server, options);
    },
    async stop() {
      await reload.stop();
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function listen(server: Server, { host, port }: ListenerOptions): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', (cause) => {
    reject(new Failure('unavailable', `cannot listen for nodes on ${host}:${port}: ${cause.message}`, { cause }));
  });
  server.listen(port, host, resolve);
  await promise;
  const address = server.address();
  return typeof address === 'object' && address ? address.port : port;
}

function watched(server: Server, sockets: Set<Socket>, options: ListenerOptions): Server {
  server.maxConnections = mostConnections;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', (error, socket) => {
    options.refuse({ reason: 'handshake', message: messageOf(error) }, addressOf(socket));
    socket.destroy();
  });
  server.on('secureConnection', (socket) => admit(socket, options));
  return server;
}

function admit(socket: TLSSocket, { files, greeting, accept, refuse }: ListenerOptions): void {
  const address = addressOf(socket);
  // Without a listener, the reset of a connection would end the process.
  socket.on('error', () => undefined);
  const turnAway = (refusal: Refusal): void => {
    refuse(refusal, address);
    socket.destroy();
  };
  if (files.ca !== undefined && !socket.authorized) {
    return turnAway({ reason: 'certificate', message: String(socket.authorizationError) });
  }
  if (socket.alpnProtocol !== 'h2') return turnAway({ reason: 'handshake', message: 'HTTP/2 was not asked for' });
  const late = setTimeout(
    () => turnAway({ reason: 'silent', message: `no call came within ${greeting} ms` }),
    greeting,
  );
  socket.on('close', () => clearTimeout(late));
  accept(socket, {
    address,
    certificate: files.ca === undefined ? undefined : socket.getPeerX509Certificate(),
    called: () => clearTimeout(late),
    destroy: () => socket.destroy(),
  });
}

/** As grpc-js names the peer of a call. */
function addressOf(socket: Socket): string {
  return `${socket.remoteAddress ?? ''}:${socket.remotePort ?? ''}`;
}
