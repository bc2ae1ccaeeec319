import { connect } from 'node:net';
import type { Random } from '../storm/random.ts';
import { texts } from './texts.ts';
import { noise } from './wire.ts';

const usual = ['/metrics', '/healthz', '/readyz'];
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'FUZZ', ''];
const answers = new Set([200, 400, 404, 405, 408, 413, 414, 417, 431, 501, 505]);

/** Bytes for an HTTP port. */
export function anyHttp(random: Random): Buffer {
  if (random.chance(0.1)) return noise(random);
  const path = random.chance(0.5) ? random.pick(usual) : random.pick(texts);
  const version = random.pick(['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/9.9', '']);
  const header = random.pick([
    '',
    `X: ${random.pick(texts)}\r\n`,
    'Transfer-Encoding: chunked\r\n',
    'Content-Length: -1\r\n',
  ]);
  const line = `${random.chance(0.7) ? 'GET' : random.pick(methods)} ${path} ${version}\r\n`;
  return Buffer.from(`${line}Host: fuzz\r\nConnection: close\r\n${header}\r\n`);
}

/** Sends the bytes and the end of the connection. What is wrong with the answer; none is right, too. */
export async function sendHttp(port: number, bytes: Buffer): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = connect(port, '127.0.0.1');
  let head = '';
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    if (head.length < 100) head += chunk.toString('latin1', 0, 100);
  });
  socket.on('close', () => resolve());
  socket.end(bytes);
  await promise;
  const code = /^HTTP\/1\.1 (\d{3})/.exec(head)?.[1];
  if (head === '' || answers.has(Number(code))) return undefined;
  return `the HTTP port answers ${JSON.stringify(head.slice(0, 40))} to ${bytes.toString('base64')}`;
}
