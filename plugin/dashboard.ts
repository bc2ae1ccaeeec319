import { type KubeConfig, PortForward } from '@kubernetes/client-node';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { Failure, messageOf } from '../src/domain/errors.ts';
import type { Controller } from './controllers.ts';
import { docs, refusalOf, serverOf } from './refusal.ts';

/** Connections at once; a browser opens about six. */
const mostConnections = 32;

export interface Dashboard extends AsyncDisposable {
  /** Address for a browser on this machine. */
  readonly url: string;
}

interface Tunnel {
  close(): void;
  addEventListener(event: 'close', listener: () => void): void;
}

type Connect = (input: Readable, output: Writable) => Promise<Tunnel>;

/** Forwards a port of loopback to the status page of a controller. Throws Failure if it has none, or if the user may not forward. */
export async function openDashboard(
  config: KubeConfig,
  controller: Controller,
  say: (line: string) => void,
): Promise<Dashboard> {
  const connect = connectTo(config, controller);
  // A missing right is said here, and not by an empty page.
  const [input, output] = [new PassThrough(), new PassThrough()];
  const first = await connect(input, output);
  first.close();
  const server = createServer((socket) => void forward(connect, socket, say));
  server.maxConnections = mostConnections;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const open = new Set<Socket>();
  server.on('connection', (socket) => void open.add(socket.once('close', () => open.delete(socket))));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of open) socket.destroy();
      await once(server, 'close');
    },
  };
}

function connectTo(config: KubeConfig, { namespace, pod, statusPage }: Controller): Connect {
  if (statusPage === undefined) {
    const remedy = 'set controller.statusPage.enabled of the chart to true: see docs/guides/status-page.md';
    throw new Failure('precondition', `controller ${namespace}/${pod} serves no status page: ${remedy}`);
  }
  const forwarder = new PortForward(config);
  const need = {
    verbs: 'get and create',
    resource: 'pods/portforward',
    namespace,
    remedy: `${docs} has a Role with it`,
  };
  return async (input, output) => {
    try {
      const socket = await forwarder.portForward(namespace, pod, [statusPage], output, null, input);
      // Only with retries the client gives a function.
      if (typeof socket === 'function') throw new Error('no connection');
      return socket;
    } catch (error) {
      throw refusalOf(error, serverOf(config), need);
    }
  };
}

async function forward(connect: Connect, socket: Socket, say: (line: string) => void): Promise<void> {
  // A browser may close at any time.
  socket.on('error', () => socket.destroy());
  try {
    const tunnel = await connect(socket, socket);
    socket.once('close', () => tunnel.close());
    tunnel.addEventListener('close', () => socket.end());
    if (socket.destroyed) tunnel.close();
  } catch (error) {
    say(`The status page cannot be reached: ${messageOf(error)}`);
    socket.destroy();
  }
}
