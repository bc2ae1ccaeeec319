import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { answerCheck, type Checks } from '../../../src/metrics/health.ts';

async function serve(checks: Checks): Promise<(path: string) => Promise<[number, string]>> {
  const server: Server = createServer((request, response) => {
    void answerCheck(checks, request.url ?? '', response).then(
      (known) => known || response.writeHead(404).end('other'),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return async (path) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    return [answer.status, await answer.text()];
  };
}

test('each path answers with its own check and its reason', async () => {
  let problem: string | undefined;
  const get = await serve({ live: async () => problem, ready: async () => 'kubelet has not called yet' });
  expect(await get('/healthz')).toEqual([200, 'ok\n']);
  problem = 'LVM has not answered for 10 ms';
  expect(await get('/healthz')).toEqual([503, 'LVM has not answered for 10 ms\n']);
  expect(await get('/readyz')).toEqual([503, 'kubelet has not called yet\n']);
  expect(await get('/metrics')).toEqual([404, 'other']);
});

test('a check that throws fails', async () => {
  const get = await serve({ live: () => Promise.reject(new Error('gone')), ready: async () => undefined });
  expect(await get('/healthz')).toEqual([503, 'gone\n']);
});
