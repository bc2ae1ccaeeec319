import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { connect as open } from 'node:net';
import { status } from '@grpc/grpc-js';

export interface Answer {
  /** The name of the gRPC code; `none` where the stream ended without one. */
  readonly code: string;
  readonly message: string;
  /** The messages of the reply, with gRPC's heads. */
  readonly bytes: Buffer;
  readonly http: number;
}

export interface Sent {
  readonly path: string;
  /** As it goes over the wire: with gRPC's head. */
  readonly bytes: Buffer;
  readonly headers?: OutgoingHttpHeaders;
  /** Turns of the event loop after which the caller gives up. */
  readonly cancelAfter?: number;
}

const usual = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };

/** Sends any bytes as gRPC calls over HTTP/2 to a unix socket; a call that no client library would make, too. */
export class Caller {
  readonly #socket: string;
  readonly #patience: number;
  #session: ClientHttp2Session | undefined;

  /** @param patience milliseconds after which a call counts as not answered */
  constructor(socket: string, patience: number) {
    this.#socket = socket;
    this.#patience = patience;
  }

  send({ path, bytes, headers, cancelAfter }: Sent): Promise<Answer> {
    const stream = this.#open().request({ ...usual, ':path': path, ...headers });
    const answer = answerOf(stream, this.#patience);
    stream.end(bytes);
    if (cancelAfter !== undefined) cancelLater(stream, cancelAfter);
    return answer;
  }

  close(): void {
    this.#session?.destroy();
  }

  #open(): ClientHttp2Session {
    const usable = this.#session && !this.#session.closed && !this.#session.destroyed;
    if (this.#session && usable) return this.#session;
    const createConnection = () => open(this.#socket);
    // Megabytes. With Node's default of 10 three messages that are too large end the client's own streams.
    const session = connect('http://localhost', { createConnection, maxSessionMemory: 10_000 });
    session.on('error', () => undefined);
    this.#session = session;
    return session;
  }
}

function cancelLater(stream: ClientHttp2Stream, turns: number): void {
  if (turns > 0) setImmediate(() => cancelLater(stream, turns - 1));
  else stream.close(constants.NGHTTP2_CANCEL);
}

/** Resolves at the end of the stream, also without an answer. */
function answerOf(stream: ClientHttp2Stream, patience: number): Promise<Answer> {
  const chunks: Buffer[] = [];
  let [code, message, http] = ['none', '', 0];
  const read = ({ 'grpc-status': number, 'grpc-message': text }: IncomingHttpHeaders): void => {
    if (number === undefined) return;
    code = status[Number(number)] ?? 'none';
    message = typeof text === 'string' ? decodeURIComponent(text) : '';
  };
  stream.on('response', (headers) => {
    http = headers[':status'] ?? 0;
    read(headers);
  });
  stream.on('trailers', read);
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  const { promise, resolve } = Promise.withResolvers<Answer>();
  stream.on('error', () => undefined);
  const late = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), patience);
  stream.on('close', () => clearTimeout(late));
  stream.on('close', () => resolve({ code, message, http, bytes: Buffer.concat(chunks) }));
  return promise;
}
