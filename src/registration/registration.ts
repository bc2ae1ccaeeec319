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
  /** Milliseconds after which the folder is checked without an event. Default: 10 s. */
  readonly every?: number;
}

/** Does the work of node-driver-registrar in the driver itself. */
export interface Registration {
  /** Serve the CSI socket first: kubelet calls it as soon as it finds this one. */
  start(): void;
  /** Why the driver is not registered; `undefined` once it is. */
  problem(): string | undefined;
  /** Removes the socket, upon which kubelet forgets the driver until the socket is back. */
  stop(): Promise<void>;
}

/** Milliseconds between an event and the check, so that many events cause few checks. */
const settle = 20;

/** Makes the socket again if another program removes it: kubelet forgets a driver whose socket is gone. */
export function createRegistration(options: RegistrationOptions): Registration {
  const { path, log, every = 10_000 } = options;
  const folder = createFolderWatch(dirname(path), () => repeater.soon());
  let problem: string | undefined = 'not offered to kubelet yet';
  let placed: PlacedSocket | undefined;
  const serve = createServe(options, (refusal) => {
    problem = refusal === undefined ? undefined : `kubelet refused the driver: ${refusal}`;
  });
  const repeater = createRepeater({
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
    start: () => repeater.now(),
    problem: () => problem,
    async stop() {
      await repeater.stop();
      folder.close();
      await placed?.remove();
    },
  };
}

function createServe({ driver, endpoint, log }: RegistrationOptions, attempted: (refusal: string | undefined) => void) {
  const service = createRegistrationService({
    driver,
    endpoint,
    attempted(refusal) {
      attempted(refusal);
      if (refusal === undefined) log.info({ driver, endpoint }, 'registered with kubelet');
      else log.error({ driver, endpoint, reason: refusal }, 'kubelet refused the driver');
    },
  });
  const services = { Registration: service };
  // Only kubelet creates its folder, even if it vanishes between our check and the bind.
  const fixed = { interface: pluginRegistration, services, log, makeFolder: false };
  return (path: string) => createServer({ endpoint: `unix://${path}`, ...fixed });
}
