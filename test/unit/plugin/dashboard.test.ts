import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { type Desk, useDesk } from './harness.ts';

const at = useDesk();
let desk: Desk;
beforeEach(() => {
  desk = at();
  desk.server.rights.add('forward in quarry');
});

/** A page of a controller, which is as long as that of a large fleet. */
async function page(): Promise<number> {
  const body = 'row\n'.repeat(100_000);
  const server = createServer((request, response) => {
    response.writeHead(200, { connection: 'close' }).end(`${request.headers.host}\n${body}`);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

test('dashboard opens a port of loopback for the status page of a ready controller, and closes it at the end', async () => {
  desk.server.add('waits', { state: 'running' });
  desk.server.add('serves', { statusPage: await page() });
  const pages: string[] = [];
  let url = '';
  desk.again = async () => {
    if (pages.length === 0) url = String(desk.stdout.read()).trim();
    const [response, another] = await Promise.all([fetch(url), fetch(url)]);
    pages.push(await response.text(), await another.text());
    return pages.length < 4;
  };
  expect(await desk.run('dashboard')).toMatchObject({ code: 0 });
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
  expect(pages.map((text) => text.length)).toEqual(Array.from({ length: 4 }, () => pages[0]?.length));
  expect(pages[0]).toMatch(/^127\.0\.0\.1:\d+\nrow\n/);
  expect(pages[0]?.length).toBeGreaterThan(400_000);
  expect(desk.said).toEqual(['The status page of serves is at this address until Ctrl-C.']);
  await expect(fetch(url)).rejects.toThrow('fetch failed');
});

test('dashboard says which value of the chart is missing if the controller serves no status page', async () => {
  desk.server.add('serves');
  await expect(desk.run('dashboard')).rejects.toMatchObject({
    kind: 'precondition',
    message:
      'controller quarry/serves serves no status page: set controller.statusPage.enabled of the chart to true: see docs/guides/status-page.md',
  });
});

test('dashboard names the right that the user lacks before it prints an address', async () => {
  desk.server.rights.delete('forward in quarry');
  desk.server.add('serves', { statusPage: 1 });
  await expect(desk.run('dashboard')).rejects.toMatchObject({
    kind: 'precondition',
    message:
      'you lack the right to get and create pods/portforward in namespace quarry: docs/guides/kubectl-plugin.md has a Role with it',
  });
});

test('dashboard takes no words after it', async () => {
  await expect(desk.run('dashboard', '--port', '1')).rejects.toMatchObject({ kind: 'invalid' });
});
