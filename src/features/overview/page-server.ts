import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { askSocket } from '../../cli/ask.ts';
import { isFailure, messageOf } from '../../domain/errors.ts';
import { attentionOf } from '../../domain/attention.ts';
import type { Log } from '../../log.ts';
import { FleetCalls } from './fleet-calls.ts';
import { lists, type PageContent, type Positions, statusPage } from './page.ts';
import { contentPolicy } from './page-style.ts';

interface Options {
  readonly listen: { readonly host: string; readonly port: number };
  /** Reads what the page shows. */
  readonly read: () => Promise<PageContent>;
  readonly log: Pick<Log, 'info' | 'error'>;
}

const limits = { headersTimeout: 5000, requestTimeout: 10_000, connectionsCheckingInterval: 1000 } as const;
const mostConnections = 32;
/** Milliseconds that a connection may move no byte. */
const idle = 30_000;

// A page needs one connection, and a forwarded one that waits for another request may end unseen.
const headers = {
  connection: 'close',
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': contentPolicy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
} as const;

/** Asks the controller on this machine for what `quarry status` and `quarry volumes` show. */
export async function readContent(socket: string): Promise<PageContent> {
  return askSocket(socket, async (calls) => {
    const remarks: string[] = [];
    const fleet = new FleetCalls(calls, { say: (line) => void remarks.push(line) });
    const [nodes, pools, volumes] = [await fleet.nodes(), await fleet.pools(), await fleet.volumes()];
    const attention = attentionOf(nodes, pools, volumes, await fleet.notices());
    return { nodes, pools, volumes, jobs: await fleet.jobs(), attention, remarks, read: new Date().toISOString() };
  });
}

/** The status page: read-only, for callers on the same machine, to which the API server forwards a port. */
export function createStatusPage({ listen: { host, port }, read, log }: Options) {
  const shared = sharing(read);
  const server = createServer(limits, (request, response) => void answer(shared, request, response, log));
  server.maxConnections = mostConnections;
  server.setTimeout(idle);
  server.on('error', (error) => log.error({ reason: messageOf(error), host, port }, 'the status page is not served'));
  return {
    server,
    start: () => void server.listen(port, host, () => log.info({ host, port }, 'serving the status page')),
    stop: async () => {
      if (!server.listening) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      await promise;
    },
  };
}

/** Requests that arrive while the fleet is read share the result: of a large fleet it takes seconds. */
function sharing<T>(task: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= task().finally(() => (running = undefined));
    return running;
  };
}

async function answer(
  read: () => Promise<PageContent>,
  request: IncomingMessage,
  response: ServerResponse,
  log: Pick<Log, 'error'>,
): Promise<void> {
  const url = URL.parse(request.url ?? '', 'http://localhost');
  const early = refusalOf(request, url);
  if (early !== undefined || url === null) return refuse(response, early ?? 400);
  try {
    const body = statusPage(await read(), positionsIn(url.searchParams)).text;
    response.writeHead(200, { ...headers, 'content-length': Buffer.byteLength(body) });
    response.end(request.method === 'HEAD' ? undefined : body);
  } catch (error) {
    if (!isFailure(error)) log.error({ error }, 'the status page could not be made');
    refuse(response, 503);
  }
}

/**
 * A page of another site can let its own name resolve to 127.0.0.1, and then read what is served there; a browser sends that name as Host.
 */
function refusalOf({ method, headers: { host } }: IncomingMessage, url: URL | null): number | undefined {
  if (!/^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i.test(host ?? '')) return 421;
  if (method !== 'GET' && method !== 'HEAD') return 405;
  return url?.pathname === '/' ? undefined : 404;
}

/** Closes the connection, so that the body of a request is not waited for. */
function refuse(response: ServerResponse, code: number): void {
  if (response.headersSent) return;
  const text = { ...headers, 'content-type': 'text/plain; charset=utf-8' };
  response.writeHead(code, { ...text, ...(code === 405 && { allow: 'GET, HEAD' }) }).end();
}

/** A page that is no number is the first. */
function positionsIn(given: URLSearchParams): Positions {
  const pageOf = (text: string | null): number => (/^[1-9]\d{0,5}$/.test(text ?? '') ? Number(text) : 1);
  return Object.fromEntries(lists.map((list) => [list, pageOf(given.get(list))])) as Record<
    (typeof lists)[number],
    number
  >;
}
