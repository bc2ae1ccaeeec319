import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { type PageContent, statusPage } from '../../../../src/features/overview/page.ts';
import { createStatusPage, readContent } from '../../../../src/features/overview/page-server.ts';
import { memoryLog } from '../../grpc/harness.ts';
import { lean, newsOf, withVolume } from './harness.ts';

const first = { attention: 1, nodes: 1, pools: 1, volumes: 1, jobs: 1 };
const empty: PageContent = { nodes: [], pools: [], volumes: [], jobs: [], attention: [], remarks: [], read: 'now' };
const hostile = `"><script>alert(1)</script>'&\u{202E}\u{1B}[2J`;

function changed<T extends object>(record: T, changes: Partial<T>): T {
  return { ...record, ...changes };
}

async function served(read: () => Promise<PageContent>) {
  const { log, lines } = memoryLog();
  const { server, start, stop } = createStatusPage({ listen: { host: '127.0.0.1', port: 0 }, read, log });
  start();
  await once(server, 'listening');
  onTestFinished(stop);
  const { port } = server.address() as AddressInfo;
  const ask = async (path = '/', { method = 'GET', host = `127.0.0.1:${port}` } = {}) => {
    const asked = request({ port, path, method, headers: { host } }).end();
    const [response] = await once(asked, 'response');
    return { status: response.statusCode as number, headers: response.headers, body: await text(response) };
  };
  return { ask, port, lines };
}

test('the status page shows the fleet, meters with text, and what needs attention with what to do', async () => {
  const claims = async () => ({ claims: [{ volume: volume.id, namespace: 'db', name: 'data-0' }] });
  const { socket, storages, away, volume } = await withVolume({ claims });
  away.add('b');
  storages.a.health.set(lean, [{ reason: 'ThinPoolOutOfData', message: 'add a disk' }]);
  const { ask } = await served(() => readContent(socket));
  const { status, body } = await ask();
  expect(status).toBe(200);
  expect(body).toContain('Nodes: 1 connected, 1 disconnected. Volumes: 1. Snapshots: 0.');
  expect(body).toMatch(
    /pool lean on node a<\/th><td [^>]*><span class="parts"><span><span class="tag">ThinPoolOutOfData<\/span><\/span><\/span><\/td><td [^>]*>add a disk</,
  );
  expect(body).toContain('<span class="bad">no, since 2026-11-21 12:00:00 UTC</span>');
  expect(body).toContain('>b (disconnected)</td>');
  expect(body).toContain('No job runs or waits.');
  expect(body).toContain('aria-label="data in use: 71 %">71 %</meter>71 %');
  expect(body).toContain('<th scope="row" role="rowheader">db/data-0</th>');
  for (const title of ['Needs attention', 'Nodes', 'Pools', 'Volumes']) expect(body).toContain(`>${title} <small>`);
});

test('the status page shows the jobs of all nodes with their progress and rate, and what nodes tell of them', async () => {
  const claims = async () => ({ claims: [{ volume: volume.id, namespace: 'db', name: 'data-0' }] });
  const { socket, storages, volume } = await withVolume({ claims });
  storages.a.news = newsOf(volume.id);
  const { ask } = await served(() => readContent(socket));
  const { body } = await ask();
  const cells = /<tr role="row"><th [^>]*>copy<\/th>(.*)<\/tr>/
    .exec(body)?.[1]
    ?.replaceAll(/<[^>]*>/g, '|')
    .replaceAll(/\|+/g, '|');
  expect(cells).toBe('|db/data-0|a|fast|running|1 GiB|41 %|41 %|50 MiB/s|');
  expect(body).toMatch(/claim db\/data-0 \(volume a:pvc-1\)<\/th><td[^>]*>.*JobStalled.*its cause/);
  expect(body).not.toContain('DisksProposed');
  for (const use of ['read 120 IOPS', 'write 12 MiB/s']) expect(body).toContain(use);
});

test('the status page of an empty fleet says so', () => {
  const { text: page } = statusPage(empty, first);
  expect(page).toContain('No node has connected to this controller.');
  expect(page).toContain('Nothing needs attention.');
  expect(page).not.toContain('<table');
});

test('the status page escapes every name and message that comes from elsewhere', async () => {
  const { socket } = await withVolume();
  const { nodes, pools, volumes, jobs } = await readContent(socket);
  const wrong = { reason: hostile, message: hostile };
  const content: PageContent = {
    nodes: nodes.map((node) => changed(node, { node: hostile, since: hostile, connected: false })),
    pools: pools.map((pool) => changed(pool, { pool: hostile, node: hostile })),
    volumes: volumes.flatMap((volume) => [
      { ...volume, id: hostile, node: hostile, pool: hostile, type: hostile, state: hostile, conditions: [wrong] },
      { ...volume, claim: hostile, namespace: hostile },
    ]),
    jobs: jobs.map((job) =>
      changed(job, { node: hostile, pool: hostile, kind: hostile, lv: hostile, state: hostile, reason: hostile }),
    ),
    attention: [{ node: hostile, pool: hostile, volume: hostile, claim: hostile, ...wrong }],
    remarks: [hostile],
    read: hostile,
  };
  const { text: page } = statusPage(content, first);
  for (const raw of ['<script', '\u{202E}', '\u{1B}']) expect(page).not.toContain(raw);
  expect(page).toContain('&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#39;&amp;');
  // Nothing but the markup of the page itself, without the style sheet.
  const outside = page.replace(/<style>[^]*<\/style>/, '').replaceAll(/<[^<>]*>/g, '');
  expect(outside).not.toMatch(/[<>"']/);
});

test('a long list has pages, and a page beyond the last is the last', async () => {
  const { socket } = await withVolume();
  const { volumes } = await readContent(socket);
  const many = Array.from({ length: 250 }, (_, index) =>
    volumes.map((volume) => changed(volume, { id: `v-${index}` })),
  );
  const content = { ...empty, volumes: many.flat() };
  const { ask } = await served(async () => content);
  const rows = (page: string): number => page.split('<th scope="row" role="rowheader">').length - 1;
  const { body } = await ask('/?volumes=2');
  expect(rows(body)).toBe(100);
  expect(body).toContain('<th scope="row" role="rowheader">v-100</th>');
  expect(body).toContain('Page 2 of 3.');
  expect(body).toContain(
    'href="/?attention=1&amp;jobs=1&amp;nodes=1&amp;pools=1&amp;volumes=3#volumes">Next volumes</a>',
  );
  expect(rows((await ask('/?volumes=999')).body)).toBe(50);
  expect((await ask('/?volumes=-1')).body).toContain('<th scope="row" role="rowheader">v-0</th>');
});

test('the status page may load and run nothing, be framed nowhere and be kept nowhere', async () => {
  const { ask } = await served(async () => empty);
  const { headers, body } = await ask();
  const style = /<style>([^]*)<\/style>/.exec(body)?.[1] ?? '';
  const hash = createHash('sha256').update(style).digest('base64');
  expect(headers).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  });
  expect(body).not.toMatch(/<script|<form|style="|https?:|\son\w+=/);
});

test('the status page answers GET and HEAD only, and only by a name of loopback', async () => {
  const { ask, port } = await served(async () => empty);
  expect(await ask('/', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    expect(await ask('/', { method })).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
  }
  expect(await ask('/other')).toMatchObject({ status: 404 });
  for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1.evil.example', 'localhost@evil']) {
    expect(await ask('/', { host })).toMatchObject({ status: 421, body: '' });
  }
  for (const host of ['localhost', `localhost:${port}`, '127.0.0.1', `[::1]:${port}`]) {
    expect(await ask('/', { host })).toMatchObject({ status: 200 });
  }
});

test('the status page gives no detail of a failure to its reader, and the log has what is no answer of the controller', async () => {
  const { ask, lines } = await served(async () => {
    throw new Error('a secret');
  });
  expect(await ask()).toMatchObject({ status: 503, body: '' });
  expect(lines.map(({ message }) => message)).toContain('the status page could not be made');
});
