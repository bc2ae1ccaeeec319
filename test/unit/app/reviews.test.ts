import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadReviews } from '../../../src/app/reviews.ts';
import { parseConfig } from '../../../src/config/config.ts';
import { createMetrics } from '../../../src/metrics/metrics.ts';
import { ApiServer } from '../../support/api-server.ts';
import { freePort } from '../../support/ports.ts';
import { authority, filesOf, serverCertificate, temporaryFolder } from '../fleet/harness.ts';
import { memoryLog } from '../grpc/harness.ts';

test('a node asks the API server whether a caller may read its metrics', async () => {
  const folder = temporaryFolder();
  const pair = serverCertificate();
  const files = filesOf(pair, authority.certificate, folder);
  await using server = await ApiServer.start({ key: pair.key, cert: pair.certificate });
  server.bearer = 'of-the-node';
  server.review = (given) => ({ authenticated: given !== 'made-up', user: { username: given } });
  server.mayRead = (user, path) => user === 'prometheus' && path === '/metrics';
  writeFileSync(join(folder, 'token'), 'of-the-node');
  const [plain, secured] = [await freePort(), await freePort()];
  const config = parseConfig(
    `
pools: []
fleet: {controllers: "c:9443", ca: ${files.ca}, token: ${folder}/token}
metrics: {listen: "127.0.0.1:${plain}", secureListen: "127.0.0.1:${secured}", certificate: ${files.certificate}, key: ${files.key}}
kubernetes: {server: "${server.url.href}", tokenFile: ${folder}/token, caFile: ${files.ca}}`,
    { hostname: 'a' },
    'node',
  );
  const { log } = memoryLog();
  const reviews = await loadReviews(config, log);
  const fine = async (): Promise<undefined> => undefined;
  const listen = { host: '127.0.0.1', port: plain };
  const metrics = await createMetrics(listen, {}, { live: fine, ready: fine }, reviews?.secure);
  await metrics.start();
  onTestFinished(async () => {
    await metrics.stop();
    reviews?.close();
  });
  const statusFor = async (token: string) => {
    const call = request({
      host: '127.0.0.1',
      port: secured,
      servername: 'localhost',
      ca: authority.certificate,
      agent: false,
      path: '/metrics',
      headers: { authorization: `Bearer ${token}` },
    });
    const answered = once(call, 'response');
    call.end();
    const [response] = (await answered) as [IncomingMessage];
    response.resume();
    return response.statusCode;
  };
  expect(await statusFor('prometheus')).toBe(200);
  expect(await statusFor('somebody')).toBe(403);
  expect(await statusFor('made-up')).toBe(401);
  expect((await fetch(`http://127.0.0.1:${plain}/metrics`)).status).toBe(404);
  expect((await fetch(`http://127.0.0.1:${plain}/healthz`)).status).toBe(200);
});

test('a node without metrics over TLS asks the API server nothing', async () => {
  expect(await loadReviews({ metrics: { listen: { host: '127.0.0.1', port: 1 } } }, memoryLog().log)).toBeUndefined();
});
