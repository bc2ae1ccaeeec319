import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';

export interface PodOptions {
  readonly namespace?: string;
  readonly release?: string;
  readonly component?: string;
  /** The node that the pod is on. */
  readonly node?: string;
  readonly state?: 'ready' | 'running' | 'waiting' | 'terminating';
  /** false: the pod of another program that has the same labels. */
  readonly ours?: boolean;
  /** Port of its status page. */
  readonly statusPage?: number;
}

/** How a command in a container ends; `cut`: the connection breaks before. */
export interface Outcome {
  readonly stdout?: string;
  readonly stderr?: string;
  readonly code?: number;
  readonly cut?: boolean;
}

/** The part of an API server that the plugin needs: lists of pods, commands in their containers over a WebSocket, and rights. */
export class ExecServer implements AsyncDisposable {
  /** `pods`, `pods in N`, `exec in N`, `forward in N`, `nodes`: what the token's user may do. */
  readonly rights = new Set<string>();
  readonly token = 'a-token';
  /** Pod and words of each command so far. */
  readonly commands: { readonly pod: string; readonly words: readonly string[] }[] = [];
  /** What the commands do. */
  perform: (words: readonly string[], pod: string) => Outcome = () => ({});
  /** The nodes, with the labels that select them. */
  readonly nodes = new Map<string, string>();

  readonly #pods: { readonly namespace: string; readonly labels: Record<string, string>; readonly body: object }[] = [];
  readonly #server: Server = createServer((request, response) => this.#list(request, response));
  readonly #sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'v5.channel.k8s.io' });

  static async start(): Promise<ExecServer> {
    const server = new ExecServer();
    server.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      server.#exec(request, socket, head),
    );
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** As `kubectl` reads it; the context `here` is the current one. */
  get kubeconfig(): object {
    return {
      clusters: [{ name: 'here', cluster: { server: this.url, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'me', user: { token: this.token } }],
      contexts: [{ name: 'here', context: { cluster: 'here', user: 'me' } }],
      'current-context': 'here',
    };
  }

  add(name: string, options: PodOptions = {}): void {
    const {
      namespace = 'quarry',
      release = 'quarry',
      component = 'controller',
      state = 'ready',
      ours = true,
    } = options;
    const labels = { 'app.kubernetes.io/component': component, 'app.kubernetes.io/instance': release };
    const annotations = ours ? { 'quarry/config': 'a-hash' } : {};
    const deletion = state === 'terminating' ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {};
    const waiting = state === 'waiting';
    const status = {
      name: 'quarry',
      ready: state === 'ready' || state === 'terminating',
      state: waiting ? { waiting: { reason: 'ErrImagePull' } } : { running: {} },
    };
    const body = {
      metadata: { name, namespace, labels, annotations, ...deletion },
      spec: { nodeName: options.node, containers: [{ name: 'quarry', ...portsOf(options) }] },
      status: { phase: waiting ? 'Pending' : 'Running', containerStatuses: [status] },
    };
    this.#pods.push({ namespace, labels, body });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #list(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '', this.url);
    if (pathname === '/api/v1/nodes')
      return this.#listNodes(request, searchParams.get('labelSelector') ?? '', response);
    const [, namespace] = /^\/api\/v1\/(?:namespaces\/([^/]+)\/)?pods$/.exec(pathname) ?? [];
    const right = namespace === undefined ? 'pods' : `pods in ${namespace}`;
    const refusal = this.#refusal(request, right);
    if (refusal !== undefined) return answer(response, refusal, { kind: 'Status', message: `no ${right}` });
    const [key = '', value = ''] = (searchParams.get('labelSelector') ?? '').split('=');
    const found = this.#pods.filter((pod) => pod.labels[key] === value);
    const items = found.filter((pod) => namespace === undefined || pod.namespace === namespace).map(({ body }) => body);
    answer(response, 200, { kind: 'PodList', apiVersion: 'v1', metadata: {}, items });
  }

  #listNodes(request: IncomingMessage, labels: string, response: ServerResponse): void {
    const refusal = this.#refusal(request, 'nodes');
    if (refusal !== undefined) return answer(response, refusal, { kind: 'Status', message: 'no nodes' });
    const found = [...this.nodes].filter(([, own]) => own === labels).map(([name]) => ({ metadata: { name } }));
    answer(response, 200, { kind: 'NodeList', apiVersion: 'v1', metadata: {}, items: found });
  }

  #exec(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { pathname, searchParams } = new URL(request.url ?? '', this.url);
    if (pathname.endsWith('/portforward')) return this.#forward(request, socket, head);
    const [, namespace, pod = ''] = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/exec$/.exec(pathname) ?? [];
    const refusal = this.#refusal(request, `exec in ${namespace}`);
    if (refusal !== undefined) return void socket.end(`HTTP/1.1 ${refusal} Refused\r\ncontent-length: 0\r\n\r\n`);
    const words = searchParams.getAll('command');
    this.commands.push({ pod, words });
    this.#sockets.handleUpgrade(request, socket, head, (opened) => play(opened, this.perform(words, pod)));
  }

  #forward(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { pathname, searchParams } = new URL(request.url ?? '', this.url);
    const [, namespace] = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/[^/]+\/portforward$/.exec(pathname) ?? [];
    const refusal = this.#refusal(request, `forward in ${namespace}`);
    if (refusal !== undefined) return void socket.end(`HTTP/1.1 ${refusal} Refused\r\ncontent-length: 0\r\n\r\n`);
    this.#sockets.handleUpgrade(request, socket, head, (opened) => carry(opened, Number(searchParams.get('ports'))));
  }

  #refusal({ headers }: IncomingMessage, right: string): number | undefined {
    if (headers.authorization !== `Bearer ${this.token}`) return 401;
    return this.rights.has(right) ? undefined : 403;
  }
}

function portsOf({ statusPage }: PodOptions): object {
  return statusPage === undefined ? {} : { ports: [{ name: 'status-page', containerPort: statusPage }] };
}

/** Joins the WebSocket to a port of this machine, as the API server does: both streams begin with the number of the port. */
function carry(socket: WebSocket, port: number): void {
  const number = Buffer.alloc(2);
  number.writeUInt16LE(port);
  for (const stream of [0, 1]) socket.send(Buffer.concat([Buffer.of(stream), number]));
  const target = connect(port, '127.0.0.1');
  target.on('data', (data: Buffer) => socket.send(Buffer.concat([Buffer.of(0), data])));
  target.on('close', () => socket.close());
  target.on('error', () => socket.terminate());
  socket.on('message', (data: Buffer) => target.write(data.subarray(1)));
  socket.on('close', () => target.destroy());
}

/** Sends the outcome as the API server does: a byte for the stream, then its content. */
function play(socket: WebSocket, { stdout = '', stderr = '', code = 0, cut = false }: Outcome): void {
  if (cut) return socket.terminate();
  const send = (stream: number, text: string): void =>
    socket.send(Buffer.concat([Buffer.of(stream), Buffer.from(text)]));
  if (stdout !== '') send(1, stdout);
  if (stderr !== '') send(2, stderr);
  const causes = [{ reason: 'ExitCode', message: String(code) }];
  const failed = { status: 'Failure', reason: 'NonZeroExitCode', message: 'ended', details: { causes } };
  send(3, JSON.stringify(code === 0 ? { status: 'Success' } : failed));
}

function answer(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
