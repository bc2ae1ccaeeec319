import { readFile } from 'node:fs/promises';
import { Agent as PlainAgent, request as plainRequest, type IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { Failure, messageOf } from '../domain/errors.ts';

/** The address of the API server, its authorities, and the token to authenticate with. */
export interface Access {
  readonly server: URL;
  /** Both files are read again for each request: tokens rotate within the hour. */
  readonly tokenFile: string | undefined;
  readonly caFile: string | undefined;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
  /** Milliseconds since the epoch, by the clock of the API server, if it sends a date. */
  readonly date: number | undefined;
}

export interface ApiStream {
  readonly status: number;
  /** One JSON value a line. Ends with the stream; throws `unavailable` if the stream breaks. */
  readonly lines: AsyncIterable<unknown>;
}

/** The part of the Kubernetes API that a controller needs. Throws `unavailable` without a usable answer. */
export interface Api {
  get(path: string, signal?: AbortSignal): Promise<ApiAnswer>;
  post(path: string, body: object, signal?: AbortSignal): Promise<ApiAnswer>;
  stream(path: string, signal: AbortSignal): Promise<ApiStream>;
  close(): void;
}

/** Milliseconds from the request to the last byte of an answer. */
const answerDeadline = 30_000;
/** Milliseconds without traffic after which the kernel probes the connection. */
const keepAlive = 15_000;

/** Connections are kept open until `close`. An answer that takes more than 30 s is `unavailable`. */
export function createApi(access: Access): Api {
  const { server } = access;
  const agent = new (server.protocol === 'http:' ? PlainAgent : Agent)({ keepAlive: true, keepAliveMsecs: keepAlive });

  async function answer(path: string, given: AbortSignal | undefined, body?: object): Promise<ApiAnswer> {
    const deadline = AbortSignal.timeout(answerDeadline);
    const signal = given ? AbortSignal.any([given, deadline]) : deadline;
    try {
      const response = await send(access, agent, { path, signal, body });
      const date = Date.parse(response.headers.date ?? '');
      const status = response.statusCode ?? 0;
      return { status, body: parse(await text(response)), date: Number.isNaN(date) ? undefined : date };
    } catch (error) {
      throw unreachable(server, error, given);
    }
  }

  return {
    get: (path, signal) => answer(path, signal),
    post: (path, body, signal) => answer(path, signal, body),
    async stream(path, signal) {
      try {
        const response = await send(access, agent, { path, signal });
        const status = response.statusCode ?? 0;
        // The body of an error is not read, but would keep the connection open.
        if (status !== 200) response.destroy();
        return { status, lines: linesOf(response, (error) => unreachable(server, error, signal)) };
      } catch (error) {
        throw unreachable(server, error, signal);
      }
    },
    close: () => agent.destroy(),
  };
}

interface Call {
  readonly path: string;
  readonly signal: AbortSignal;
  readonly body?: object | undefined;
}

async function send(access: Access, agent: PlainAgent, { path, signal, body }: Call): Promise<IncomingMessage> {
  const [token, ca] = await Promise.all([readText(access.tokenFile), readText(access.caFile)]);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = {
    accept: 'application/json',
    'user-agent': 'quarry',
    ...(token && { authorization: `Bearer ${token.trim()}` }),
    ...(body && { 'content-type': 'application/json' }),
  };
  const options = { agent, headers, signal, method: body ? 'POST' : 'GET', ...(ca && { ca }) };
  const start = access.server.protocol === 'http:' ? plainRequest : request;
  const call = start(new URL(path, access.server), options, resolve);
  call.once('error', reject);
  call.once('socket', (socket) => socket.setKeepAlive(true, keepAlive));
  call.end(body && JSON.stringify(body));
  return promise;
}

async function* linesOf(response: IncomingMessage, failure: (error: unknown) => unknown): AsyncGenerator {
  let rest = '';
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      const lines = `${rest}${chunk as string}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') yield JSON.parse(line);
    }
  } catch (error) {
    throw failure(error);
  } finally {
    response.destroy();
  }
}

/** The error page of a gateway in front of the API server is not JSON; its status is enough. */
function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

async function readText(file: string | undefined): Promise<string | undefined> {
  return file === undefined ? undefined : readFile(file, 'utf8');
}

/** A caller that cancelled gets its own reason, not a failure of the API server. */
function unreachable(server: URL, cause: unknown, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason;
  return new Failure('unavailable', `the API server at ${server.origin} does not answer: ${messageOf(cause)}`, {
    cause,
  });
}
