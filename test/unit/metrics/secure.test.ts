import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Failure } from '../../../src/domain/errors.ts';
import { createMetrics, type Metrics } from '../../../src/metrics/metrics.ts';
import { Authority } from '../../support/certificates.ts';
import { freePort } from '../../support/ports.ts';
import { memoryLog } from '../grpc/harness.ts';

const authority = new Authority('metrics');
const name = 'quarry.test';

describe('metrics over TLS', () => {
  let folder: string;
  let metrics: Metrics;
  let ports: { readonly plain: number; readonly secure: number };
  let checked: string[];
  let authorize: (token: string) => Promise<'allowed' | 'unauthenticated' | 'forbidden'>;

  const certify = async (): Promise<void> => {
    const { certificate, key } = authority.issue({ name, dns: [name], usage: 'server' });
    await Promise.all([writeFile(join(folder, 'crt'), certificate), writeFile(join(folder, 'key'), key)]);
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quarry-metrics-'));
    await certify();
    ports = { plain: await freePort(), secure: await freePort() };
    checked = [];
    authorize = async (token) => (token === 'good' ? 'allowed' : token === 'known' ? 'forbidden' : 'unauthenticated');
    const checks = { live: async () => undefined, ready: async () => undefined };
    const secure = {
      listen: { host: '127.0.0.1', port: ports.secure },
      certificate: join(folder, 'crt'),
      key: join(folder, 'key'),
      authorize: async (token: string) => {
        checked.push(token);
        return authorize(token);
      },
      log: memoryLog().log,
      reload: 20,
    };
    metrics = await createMetrics({ host: '127.0.0.1', port: ports.plain }, {}, checks, secure);
    await metrics.start();
  });
  afterEach(async () => {
    await metrics.stop();
    await rm(folder, { recursive: true });
  });

  interface Asked {
    readonly path?: string;
    readonly method?: string;
    readonly token?: string;
    readonly header?: string;
  }

  async function get({ path = '/metrics', method = 'GET', token, header }: Asked) {
    const authorization = header ?? (token === undefined ? undefined : `Bearer ${token}`);
    const call = request({
      host: '127.0.0.1',
      port: ports.secure,
      servername: name,
      ca: authority.certificate,
      agent: false,
      path,
      method,
      headers: authorization === undefined ? {} : { authorization },
    });
    const answered = once(call, 'response');
    call.end();
    const [response] = (await answered) as [IncomingMessage];
    return { status: response.statusCode, body: await text(response) };
  }

  test('are for callers whom the API server lets read them', async () => {
    const { status, body } = await get({ token: 'good' });
    expect(status).toBe(200);
    expect(body).toContain('# TYPE quarry_csi_call_duration_seconds histogram');
    expect((await get({ token: 'known' })).status).toBe(403);
    expect((await get({ token: 'made-up' })).status).toBe(401);
  });

  test('are not on the port of the probes any more', async () => {
    const plain = `http://127.0.0.1:${ports.plain}`;
    expect((await fetch(`${plain}/metrics`)).status).toBe(404);
    expect((await fetch(`${plain}/readyz`)).status).toBe(200);
  });

  test.each([
    [{}, 401],
    [{ header: 'Basic Z29vZA==' }, 401],
    [{ header: 'Bearer ' }, 401],
    [{ header: 'Bearer good and more' }, 401],
    [{ token: 'good', method: 'POST' }, 405],
    [{ token: 'good', path: '/healthz' }, 404],
    [{ token: 'good', path: '//metrics' }, 404],
  ])('refuse %j without a question to the API server', async (asked, expected) => {
    expect((await get(asked)).status).toBe(expected);
    expect(checked).toEqual([]);
  });

  test('are refused while the API server does not answer', async () => {
    authorize = async () => {
      throw new Failure('unavailable', 'the API server does not answer');
    };
    expect((await get({ token: 'good' })).status).toBe(503);
  });

  test('ask the API server for eight callers at once at the most', async () => {
    const gate = Promise.withResolvers<void>();
    authorize = async () => gate.promise.then(() => 'allowed');
    const waiting = Array.from({ length: 8 }, () => get({ token: 'good' }));
    await expect.poll(() => checked.length).toBe(8);
    expect((await get({ token: 'good' })).status).toBe(503);
    gate.resolve();
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
  });

  test('refuse a head of more than 16 KiB', async () => {
    expect((await get({ token: 'x'.repeat(20_000) })).status).toBe(431);
    expect(checked).toEqual([]);
  });

  test('cut off callers that send no handshake or no head', async () => {
    const mute = connectPlain(ports.secure, '127.0.0.1');
    const slow = connect({ port: ports.secure, host: '127.0.0.1', servername: name, ca: authority.certificate });
    for (const socket of [mute, slow]) socket.on('error', () => undefined).resume();
    const closed = [mute, slow].map(async (socket) => once(socket, 'close'));
    slow.once('secureConnect', () => slow.write('GET /metrics HTTP/1.1\r\nhost: x\r\n'));
    await Promise.all(closed);
    expect((await get({ token: 'good' })).status).toBe(200);
  });

  test('have the new certificate soon after it was replaced', async () => {
    const serial = async (): Promise<string> => {
      const socket = connect({ port: ports.secure, host: '127.0.0.1', servername: name, ca: authority.certificate });
      await once(socket, 'secureConnect');
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    const first = await serial();
    await certify();
    await expect.poll(serial).not.toBe(first);
  });
});
