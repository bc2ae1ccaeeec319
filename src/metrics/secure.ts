import { readFile } from 'node:fs/promises';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { createRepeater, type Repeater } from '../concurrency/repeater.ts';
import { messageOf } from '../domain/errors.ts';
import type { Log } from '../log.ts';
import type { Listen } from './metrics.ts';

/** Where the metrics are over TLS, with which certificate, and who may read them. */
export interface SecureOptions {
  readonly listen: Listen;
  /** PEM files. */
  readonly certificate: string;
  readonly key: string;
  /** Throws `unavailable` if it could not be found out. */
  readonly authorize: (token: string, signal: AbortSignal) => Promise<'allowed' | 'unauthenticated' | 'forbidden'>;
  readonly log: Log;
  /** Milliseconds after which the files are read again. Default: 10 s. */
  readonly reload?: number;
}

/** Scrapers are few; anybody in the network of the pods may connect. */
const mostConnections = 64;
/** Callers that are checked at once: each costs the API server two requests. */
const mostChecks = 8;
const limits = {
  minVersion: 'TLSv1.3',
  handshakeTimeout: 5000,
  headersTimeout: 5000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1000,
  maxHeaderSize: 16 * 1024,
} as const;
/** Milliseconds that a connection may move no byte, such as one whose caller does not read the answer. */
const idle = 30_000;

export interface SecurePort {
  readonly server: Server;
  /** Reads the certificate, again and again: it is replaced in its files. Throws if the files cannot be used. */
  load(): Promise<void>;
  readonly reload: Repeater;
}

/** Serves a page over TLS to those whom the API server lets read it. */
export function createSecurePort(
  options: SecureOptions,
  page: (response: ServerResponse) => Promise<void>,
): SecurePort {
  const { certificate, key, log } = options;
  const server = createServer(limits, guarded(options, page));
  server.maxConnections = mostConnections;
  server.setTimeout(idle);
  // A handshake that fails is the caller's trouble.
  server.on('tlsClientError', (_, socket) => socket.destroy());
  let current = '';
  const load = async (): Promise<void> => {
    const [cert, own] = await Promise.all([readFile(certificate, 'utf8'), readFile(key, 'utf8')]);
    if (cert + own === current) return;
    server.setSecureContext({ cert, key: own, minVersion: limits.minVersion });
    current = cert + own;
  };
  const reload = createRepeater({
    task: load,
    every: options.reload ?? 10_000,
    delay: options.reload ?? 10_000,
    failed: (error) =>
      log.warn({ reason: messageOf(error) }, 'the certificate of the metrics could not be read; the current one stays'),
  });
  return { server, load, reload };
}

function guarded(
  { authorize, log }: SecureOptions,
  page: (response: ServerResponse) => Promise<void>,
): RequestListener {
  let checks = 0;
  const check = async (token: string, response: ServerResponse): Promise<void> => {
    checks += 1;
    try {
      const verdict = await authorize(token, AbortSignal.timeout(limits.requestTimeout));
      if (verdict === 'allowed') await page(response);
      else refuse(response, verdict === 'forbidden' ? 403 : 401);
    } catch (error) {
      log.warn({ reason: messageOf(error) }, 'a caller of the metrics could not be checked');
      refuse(response, 503);
    } finally {
      checks -= 1;
    }
  };
  return (request, response) => {
    const token = /^Bearer +([\w.~+/=-]+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const early = earlyAnswer(request, token, checks);
    if (early !== undefined || token === undefined) refuse(response, early ?? 401);
    else void check(token, response);
  };
}

/** The status of a request that is answered without a question to the API server. */
function earlyAnswer({ method, url }: IncomingMessage, token: string | undefined, checks: number): number | undefined {
  if (url !== '/metrics') return 404;
  if (method !== 'GET') return 405;
  if (token === undefined) return 401;
  return checks >= mostChecks ? 503 : undefined;
}

/** Closes the connection, so that the body of a request is not waited for. */
function refuse(response: ServerResponse, code: number): void {
  if (response.headersSent) return;
  response.writeHead(code, { connection: 'close', ...(code === 401 && { 'www-authenticate': 'Bearer' }) }).end();
}
