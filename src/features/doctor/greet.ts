import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { Failure, messageOf } from '../../domain/errors.ts';
import type { Address } from '../../fleet/client/addresses.ts';
import type { Pems } from '../../fleet/wire/credentials.ts';

/** Milliseconds for the connection and the answer. */
const deadline = 5000;

/**
 * Connects as a node does, and calls a method that no version has: the refusal has a date. Throws `unavailable`, also for a certificate that
 * a node would not trust.
 */
export async function greet({ host, port, name }: Address, pems: Pems): Promise<number | undefined> {
  const origin = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const session = connect(origin, { ...pems, servername: name, minVersion: 'TLSv1.3' });
  const ended = new AbortController();
  try {
    const headers = await Promise.race([answerOf(session), late(ended.signal)]);
    const date = Date.parse(headers['date'] ?? '');
    return Number.isNaN(date) ? undefined : date;
  } catch (cause) {
    throw new Failure('unavailable', messageOf(cause), { cause });
  } finally {
    ended.abort();
    session.destroy();
  }
}

async function late(signal: AbortSignal): Promise<never> {
  await sleep(deadline, undefined, { signal });
  throw new Error(`no answer within ${deadline} ms`);
}

async function answerOf(session: ClientHttp2Session): Promise<IncomingHttpHeaders> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingHttpHeaders>();
  const closed = new Error('it closed the connection without an answer');
  session.once('error', reject);
  // So it refuses a node without a certificate, where one is needed.
  session.once('close', () => reject(closed));
  session.once('connect', () => {
    const call = session.request({
      ':method': 'POST',
      ':path': '/quarry.doctor/Greet',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    call
      .once('error', reject)
      .once('response', resolve)
      .once('close', () => reject(closed))
      .end();
  });
  return promise;
}
