import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { json } from 'node:stream/consumers';

export interface KubeObject {
  readonly metadata: { readonly name: string; readonly [key: string]: unknown };
  readonly [key: string]: unknown;
}

interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly version: number;
  readonly object: KubeObject;
}

interface Watcher {
  readonly path: string;
  readonly response: ServerResponse;
}

/** The API server's review of a token; `undefined` for an unknown one. */
export type Review = (token: string, audiences: readonly string[]) => object | undefined;

/**
 * The part of an API server that the controller needs: lists in pages, watches that continue from a version, a history that can be lost,
 * connections that break, single objects, creations, TokenReview, SubjectAccessReview and SelfSubjectAccessReview. It holds state and replays no recording.
 */
export class ApiServer implements AsyncDisposable {
  /** Method and URL of every request so far. */
  readonly requests: string[] = [];
  /** Called with the URL of each request before it is served. */
  heard: (url: string) => void = () => undefined;
  /** Answers every request with this status, for as long as it is set. */
  failing: number | undefined;
  /** The only accepted token, if it is set. */
  bearer: string | undefined;
  review: Review = () => undefined;
  /** Whether the client may do this. */
  allowed: (verb: string, resource: string) => boolean = () => true;
  /** Whether a user may get a nonResourceURL. */
  mayRead: (user: string, path: string) => boolean = () => false;
  /** The clock for the `Date` of its answers. */
  clock = Date.now;
  pageSize = 500;
  /** How it reports that a version is too old: as the status of the watch, or as an event. */
  gone: 'status' | 'event' = 'event';

  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #watchers = new Set<Watcher>();
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  #history: { readonly path: string; readonly change: Change }[] = [];
  readonly #snapshots = new Map<string, KubeObject[]>();
  #version = 100;
  #oldest = 0;
  #port = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => void this.#serve(request, response));
    for (const event of ['connection', 'secureConnection']) {
      server.on(event, (socket: Socket) => {
        this.#sockets.add(socket);
        socket.once('close', () => this.#sockets.delete(socket));
      });
    }
  }

  static async start(tls?: { key: string; cert: string }): Promise<ApiServer> {
    const server = new ApiServer(tls ? createTlsServer(tls) : createServer());
    await server.up();
    return server;
  }

  get url(): URL {
    return new URL(`${'setSecureContext' in this.#server ? 'https' : 'http'}://localhost:${this.#port}`);
  }

  /** Watches that are open now. */
  get watches(): number {
    return this.#watchers.size;
  }

  /** What was made or put below a path. */
  objects(path: string): KubeObject[] {
    return [...this.#of(path).values()];
  }

  get connections(): number {
    return this.#sockets.size;
  }

  async up(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Breaks every connection and accepts none until `up`. */
  async down(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.breakConnections();
    await closed;
  }

  breakConnections(): void {
    this.#watchers.clear();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends every watch without an error, as its time limit does. */
  endWatches(): void {
    for (const { response } of this.#watchers) response.end();
    this.#watchers.clear();
  }

  /** Forgets all changes so far: a watch that continues from an older version gets 410. */
  compact(): void {
    this.#snapshots.clear();
    this.#history = [];
    this.#oldest = this.#version;
  }

  put(path: string, object: KubeObject): void {
    const objects = this.#of(path);
    const type = objects.has(object.metadata.name) ? 'MODIFIED' : 'ADDED';
    this.#version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    objects.set(object.metadata.name, stored);
    this.#happen(path, { type, version: this.#version, object: stored });
  }

  delete(path: string, name: string): void {
    const object = this.#of(path).get(name);
    if (!object) throw new Error(`there is no ${name}`);
    this.#of(path).delete(name);
    this.#version += 1;
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    this.#happen(path, { type: 'DELETED', version: this.#version, object: last });
  }

  /** Sends a bookmark to the watches of a path. */
  bookmark(path: string): void {
    this.#version += 1;
    const object = { metadata: { name: '', resourceVersion: String(this.#version) } };
    this.#tell(path, { type: 'BOOKMARK', version: this.#version, object });
  }

  /** Sends a line that is not an event. */
  babble(line: string): void {
    for (const { response } of this.#watchers) response.write(`${line}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.down();
  }

  #of(path: string): Map<string, KubeObject> {
    const found = this.#objects.get(path) ?? new Map<string, KubeObject>();
    this.#objects.set(path, found);
    return found;
  }

  #happen(path: string, change: Change): void {
    this.#history.push({ path, change });
    this.#tell(path, change);
  }

  #tell(path: string, change: Change): void {
    for (const watcher of this.#watchers) if (watcher.path === path) send(watcher.response, change);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests.push(`${request.method} ${request.url}`);
    this.heard(request.url ?? '');
    const url = new URL(request.url ?? '', this.url);
    response.setHeader('date', new Date(this.clock()).toUTCString());
    if (this.failing !== undefined) return refuse(response, this.failing, 'told to fail');
    if (this.bearer !== undefined && request.headers.authorization !== `Bearer ${this.bearer}`) {
      return refuse(response, 401, 'Unauthorized');
    }
    if (request.method === 'POST') return this.#create(url.pathname, await json(request), response);
    if (url.searchParams.get('watch') === 'true') return this.#watch(url, response);
    if (this.#isObject(url.pathname)) return this.#get(url.pathname, response);
    this.#list(url, response);
  }

  #create(path: string, body: unknown, response: ServerResponse): void {
    if (path.endsWith('/tokenreviews')) return this.#reviewToken(body, response);
    if (path.endsWith('/subjectaccessreviews')) {
      const { spec } = body as { spec: { user: string; nonResourceAttributes: { path: string } } };
      const allowed = this.mayRead(spec.user, spec.nonResourceAttributes.path);
      answer(response, 201, { kind: 'SubjectAccessReview', status: { allowed } });
      return;
    }
    if (path.endsWith('/selfsubjectaccessreviews')) {
      const { spec } = body as { spec: { resourceAttributes: { verb: string; resource: string } } };
      const { verb, resource } = spec.resourceAttributes;
      return answer(response, 201, { status: { allowed: this.allowed(verb, resource) } });
    }
    const object = body as KubeObject;
    if (this.#of(path).has(object.metadata.name)) {
      return refuse(response, 409, `"${object.metadata.name}" already exists`);
    }
    this.put(path, object);
    answer(response, 201, object);
  }

  #reviewToken(body: unknown, response: ServerResponse): void {
    const { spec } = body as { spec: { token: string; audiences: string[] } };
    const unknown = { authenticated: false, error: '[invalid bearer token]' };
    const status = this.review(spec.token, spec.audiences) ?? unknown;
    answer(response, 201, { kind: 'TokenReview', status });
  }

  /** Whether the path is that of one object: `/api/v1/nodes/a`, `/api/v1/namespaces/db/pods/a`; or of the version. */
  #isObject(path: string): boolean {
    const [, kind, ...parts] = path.split('/');
    if (kind === 'version') return true;
    const below = parts.slice(kind === 'api' ? 1 : 2);
    return below[0] === 'namespaces' ? below.length === 2 || below.length === 4 : below.length === 2;
  }

  #get(path: string, response: ServerResponse): void {
    if (path === '/version') return answer(response, 200, { major: '1' });
    const at = path.lastIndexOf('/');
    const found = this.#of(path.slice(0, at)).get(path.slice(at + 1));
    if (found) answer(response, 200, found);
    else refuse(response, 404, `${path.slice(at + 1)} not found`);
  }

  #list(url: URL, response: ServerResponse): void {
    const [version, from] = (url.searchParams.get('continue') ?? `${this.#version}:0`).split(':').map(Number);
    if ((version ?? 0) < this.#oldest) return refuse(response, 410, 'The provided continue parameter is too old');
    // Later pages have the version of the first, without changes since.
    const all = (from ? this.#snapshots.get(`${url.pathname}${version}`) : undefined) ?? [
      ...this.#of(url.pathname).values(),
    ];
    this.#snapshots.set(`${url.pathname}${version}`, all);
    const limit = Math.min(this.pageSize, Number(url.searchParams.get('limit') ?? all.length));
    const items = all.slice(from, (from ?? 0) + limit);
    const next = (from ?? 0) + items.length;
    const more = next < all.length ? { continue: `${version}:${next}` } : {};
    answer(response, 200, {
      metadata: { resourceVersion: String(version), ...more },
      items: items.length ? items : null,
    });
  }

  #watch(url: URL, response: ServerResponse): void {
    const from = Number(url.searchParams.get('resourceVersion'));
    if (from < this.#oldest && this.gone === 'status') return refuse(response, 410, 'too old resource version');
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (from < this.#oldest) {
      response.end(
        `${JSON.stringify({ type: 'ERROR', object: { code: 410, message: 'too old resource version' } })}\n`,
      );
      return;
    }
    const watcher = { path: url.pathname, response };
    for (const { path, change } of this.#history) {
      if (path === watcher.path && change.version > from) send(response, change);
    }
    this.#watchers.add(watcher);
    response.once('close', () => this.#watchers.delete(watcher));
  }
}

/** In two pieces: a line may arrive in parts. */
function send(response: ServerResponse, { type, object }: Change): void {
  const line = `${JSON.stringify({ type, object })}\n`;
  response.write(line.slice(0, 20));
  response.write(line.slice(20));
}

function refuse(response: ServerResponse, code: number, message: string): void {
  answer(response, code, { kind: 'Status', code, message });
}

function answer(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
