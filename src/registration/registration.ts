import { dirname } from 'node:path';
import { createRepeater } from '../concurrency/repeater.ts';
import { messageOf } from '../domain/errors.ts';
import { pluginRegistration } from '../grpc/load.ts';
import { createServer } from '../grpc/server.ts';
import { isStale } from '../grpc/socket.ts';
import type { Log } from '../log.ts';
import { createFolderWatch } from './folder.ts';
import { createRegistrationService } from './service.ts';
import { type PlacedSocket, placeSocket } from './socket.ts';

export interface RegistrationOptions {
  /** The socket, in kubelet's folder `plugins_registry`. */
  readonly path: string;
  readonly driver: string;
  /** The path of the CSI socket, as kubelet sees it. */
  readonly endpoint: string;
  readonly log: Log;
  /** Milliseconds after which the folder is looked at though nothing has told of a change. Default: 10 s. */
  readonly every?: number;
}

/** The place of node-driver-registrar, in the driver itself. */
export interface Registration {
  /** Kubelet calls the CSI socket as soon as it finds this one: that must be served by then. */
  start(): void;
  /** Why kubelet does not know the driver; `undefined` once it does. */
  problem(): string | undefined;
  /** Takes the socket away, by which kubelet forgets the driver until it is back. */
  stop(): Promise<void>;
}

/** Milliseconds, so that a folder that never rests does not keep this busy. */
const settle = 20;

/** Puts the socket back when another program removes it: kubelet forgets a driver whose socket is gone. */
export function createRegistration(options: RegistrationOptions): Registration {
  const { path, log, every = 10_000 } = options;
  const folder = createFolderWatch(dirname(path), () => rounds.soon());
  let problem: string | undefined = 'not offered to kubelet yet';
  let placed: PlacedSocket | undefined;
  const serve = createServe(options, (refusal) => {
    problem = refusal === undefined ? undefined : `kubelet refused the driver: ${refusal}`;
  });
  const rounds = createRepeater({
    task: async () => {
      await folder.follow();
      if (await placed?.inPlace()) return;
      await isStale(path);
      await placed?.remove();
      placed = undefined;
      problem = 'kubelet has not called yet';
      placed = await placeSocket(path, serve);
      log.info({ socket: path }, 'offered to kubelet');
    },
    every,
    delay: settle,
    failed: (error) => {
      const reason = messageOf(error);
      if (problem !== reason) log.error({ socket: path, reason }, 'the driver cannot be offered to kubelet');
      problem = reason;
    },
  });
  return {
    start: () => rounds.now(),
    problem: () => problem,
    async stop() {
      await rounds.stop();
      folder.close();
      await placed?.remove();
    },
  };
}

function createServe({ driver, endpoint, log }: RegistrationOptions, told: (refusal: string | undefined) => void) {
  const service = createRegistrationService({
    driver,
    endpoint,
    told(refusal) {
      told(refusal);
      if (refusal === undefined) log.info({ driver, endpoint }, 'registered with kubelet');
      else log.error({ driver, endpoint, reason: refusal }, 'kubelet refused the driver');
    },
  });
  const services = { Registration: service };
  // The folder is kubelet's. It may vanish between the look and the bind: it must not come back by our hand.
  const fixed = { interface: pluginRegistration, services, log, makeFolder: false };
  return (path: string) => createServer({ endpoint: `unix://${path}`, ...fixed });
}
