import { chmod } from 'node:fs/promises';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { timeout } from '../concurrency/timeout.ts';
import { Failure } from '../domain/errors.ts';
import { type CallHooks, largestMessage } from './call.ts';
import { csi, type Interface } from './load.ts';
import { bindServices, type Services } from './services.ts';
import { answers, claimSocket, socketPath } from './socket.ts';

export interface ServerOptions<Offered extends object = Services> extends CallHooks {
  /** `unix:///path` */
  readonly endpoint: string;
  /** Whether to create the socket's folder if it is missing. Default: true. */
  readonly makeFolder?: boolean;
  readonly services: Offered;
  /** The interface of the services. Default: CSI. */
  readonly interface?: Interface;
  /** Services of other interfaces, on the same socket. */
  readonly additional?: readonly { readonly interface: Interface; readonly services: object }[];
}

/** Accepts calls on one unix socket. */
export interface SocketServer {
  /** Resolves when calls are accepted. @throws Failure if it cannot listen on the socket */
  start(): Promise<void>;
  /** Why clients cannot connect, such as a deleted socket; `undefined` if they can. */
  problem(): Promise<string | undefined>;
  /** Accepts no new call, lets running ones finish, and aborts them after the deadline. True if none was aborted. */
  stop(deadlineMs: number): Promise<boolean>;
}

/** Listens from `start` on, on a socket that only its owner can open (mode 0600). */
export function createServer<Offered extends object = Services>(options: ServerOptions<Offered>): SocketServer {
  const path = socketPath(options.endpoint);
  // Channelz stays on: without it, grpc-js 1.14.7 forgets its sessions and forceShutdown closes none of them.
  const server = new Server({
    'grpc.max_receive_message_length': largestMessage,
    'grpc.max_send_message_length': largestMessage,
  });
  const running = new Set<Promise<void>>();

  return {
    async start() {
      bindServices(server, options.interface ?? csi, options.services, { ...options, running });
      for (const other of options.additional ?? [])
        bindServices(server, other.interface, other.services, { ...options, running });
      await claimSocket(path, options.makeFolder);
      await bind(server, path);
      await chmod(path, 0o600);
    },
    problem: async () => ((await answers(path)) ? undefined : `nothing answers at ${path}`),
    stop: (deadlineMs) => shutDown(server, running, deadlineMs),
  };
}

async function bind(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.bindAsync(`unix://${path}`, ServerCredentials.createInsecure(), (error) => {
    if (error === null) resolve();
    else reject(new Failure('unavailable', `cannot listen on ${path}: ${error.message}`, { cause: error }));
  });
  await promise;
}

async function shutDown(server: Server, running: ReadonlySet<Promise<void>>, deadlineMs: number): Promise<boolean> {
  const closed = Promise.withResolvers<void>();
  server.tryShutdown(() => closed.resolve());
  const quiet = (async () => {
    await closed.promise;
    while (running.size > 0) await Promise.all(running);
    return true;
  })();
  using late = timeout(deadlineMs, false);
  try {
    return await Promise.race([quiet, late.promise]);
  } finally {
    // Also after a clean end: it unregisters what tryShutdown leaves, and may be called twice.
    server.forceShutdown();
  }
}
