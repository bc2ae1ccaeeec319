import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createApi } from '../../../src/kubernetes/api.ts';
import { ApiServer } from '../../support/api-server.ts';

test('reads the token file for each request', async () => {
  await using server = await ApiServer.start();
  const directory = mkdtempSync(join(tmpdir(), 'quarry-api-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const tokenFile = join(directory, 'token');
  const api = createApi({ server: server.url, tokenFile, caFile: undefined });
  onTestFinished(() => api.close());
  await expect(api.get('/api/v1/nodes')).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringMatching(/ENOENT/),
  });
  server.bearer = 'one';
  writeFileSync(tokenFile, 'one\n');
  expect((await api.get('/api/v1/nodes')).status).toBe(200);
  server.bearer = 'two';
  expect((await api.get('/api/v1/nodes')).status).toBe(401);
  writeFileSync(tokenFile, 'two');
  expect((await api.get('/api/v1/nodes')).status).toBe(200);
});

test('many refused watches leave no connection open', async () => {
  await using server = await ApiServer.start();
  const api = createApi({ server: server.url, tokenFile: undefined, caFile: undefined });
  server.failing = 403;
  for (let index = 0; index < 5; index += 1) {
    expect((await api.stream('/api/v1/nodes?watch=true', AbortSignal.timeout(60_000))).status).toBe(403);
  }
  await expect.poll(() => server.connections).toBeLessThanOrEqual(1);
  api.close();
  await expect.poll(() => server.connections).toBe(0);
});
