import * as fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createInformer, type Informer } from '../../../src/kubernetes/informer.ts';
import { node } from '../../../src/kubernetes/objects.ts';
import type { ApiServer } from '../../support/api-server.ts';
import { type Line, memoryLog } from '../grpc/harness.ts';
import { backoff, startApiServer } from './harness.ts';

const path = '/api/v1/things';
const thing = (name: string) => ({ metadata: { name } });

interface Begun {
  readonly server: ApiServer;
  readonly mirror: Informer<true>;
  readonly removed: string[];
  readonly lines: Line[];
}

async function begin(...names: readonly string[]): Promise<Begun> {
  const { server, api } = await startApiServer();
  for (const name of names) server.put(path, thing(name));
  const { log, lines } = memoryLog();
  const removed: string[] = [];
  const mirror = createInformer<true>({
    api,
    path,
    log,
    backoff,
    read: (object) => [node.parse(object).metadata.name, true],
    removed: (name) => void removed.push(name),
  });
  onTestFinished(() => mirror.stop());
  return { server, mirror, removed, lines };
}

const shows = (mirror: Informer<true>, ...names: readonly string[]): Promise<void> =>
  vi.waitFor(() => expect([...(mirror.view()?.entries.keys() ?? ['unknown'])].toSorted()).toEqual(names), 20_000);
const lists = ({ requests }: ApiServer): number => requests.filter((line) => line.includes('limit=')).length;

test('shows all objects and every change', async () => {
  const { server, mirror, removed } = await begin('a', 'b');
  expect(mirror.view()).toBeUndefined();
  mirror.start();
  await shows(mirror, 'a', 'b');
  server.put(path, thing('c'));
  server.delete(path, 'a');
  server.put('/api/v1/others', thing('z'));
  await shows(mirror, 'b', 'c');
  expect(removed).toEqual(['a']);
  expect(lists(server)).toBe(1);
});

test('a list in pages counts only once it is complete', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const { server, mirror } = await begin(...names);
  server.pageSize = 2;
  mirror.start();
  await shows(mirror, ...names);
  expect(lists(server)).toBe(3);
});

test('continues a watch that ends or breaks, and misses no change', async () => {
  const { server, mirror, removed } = await begin('a');
  mirror.start();
  await shows(mirror, 'a');
  for (const end of [() => server.endWatches(), () => server.breakConnections()]) {
    const before = server.requests.length;
    end();
    server.put(path, thing('b'));
    server.delete(path, 'b');
    server.put(path, thing('c'));
    await vi.waitFor(() => expect(server.requests.length).toBeGreaterThan(before));
    await shows(mirror, 'a', 'c');
    server.delete(path, 'c');
    await shows(mirror, 'a');
  }
  expect(removed).toEqual(['b', 'c', 'b', 'c']);
  expect(lists(server)).toBe(1);
});

test.each(['event', 'status'] as const)('lists again when the version has expired (as an %s)', async (gone) => {
  const { server, mirror } = await begin('a');
  server.gone = gone;
  mirror.start();
  await shows(mirror, 'a');
  const since = mirror.view()?.since ?? 0;
  await server.down();
  server.delete(path, 'a');
  server.put(path, thing('b'));
  server.compact();
  await vi.waitFor(() => expect(mirror.view()).toBeUndefined());
  await server.up();
  await shows(mirror, 'b');
  expect(lists(server)).toBe(2);
  expect(mirror.view()?.since).toBeGreaterThan(since);
});

test('continues a watch from the last bookmark', async () => {
  const { server, mirror } = await begin('a');
  mirror.start();
  await shows(mirror, 'a');
  for (let index = 0; index < 3; index += 1) server.put('/api/v1/others', thing('z'));
  server.bookmark(path);
  server.compact();
  // Only the next change proves that the bookmark was read.
  server.put(path, thing('b'));
  await shows(mirror, 'a', 'b');
  server.endWatches();
  server.put(path, thing('c'));
  await shows(mirror, 'a', 'b', 'c');
  expect(lists(server)).toBe(1);
});

test.each([401, 403, 429, 500])('has no view while the API server answers %i, and logs that once', async (code) => {
  const { server, mirror, lines } = await begin('a');
  server.failing = code;
  mirror.start();
  await vi.waitFor(() => expect(lists(server)).toBeGreaterThan(3));
  expect(mirror.view()).toBeUndefined();
  expect(lines).toHaveLength(1);
  expect(lines[0]?.fields).toMatchObject({ path, reason: expect.stringContaining(String(code)) });
  server.failing = undefined;
  await shows(mirror, 'a');
});

test('an invalid event ends the watch, and another watch follows', async () => {
  const { server, mirror, lines } = await begin('a');
  mirror.start();
  await shows(mirror, 'a');
  server.babble('not JSON');
  await vi.waitFor(() => expect(lines).toHaveLength(1));
  server.put(path, thing('b'));
  await shows(mirror, 'a', 'b');
});

test('ends a watch itself half a minute after the API server should have ended it', async () => {
  const { server, mirror } = await begin('a');
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  const late: AbortController[] = [];
  const limits = vi.spyOn(AbortSignal, 'timeout').mockImplementation((milliseconds) => {
    if (milliseconds !== 330_000) return timeout(milliseconds);
    const limit = new AbortController();
    late.push(limit);
    return limit.signal;
  });
  onTestFinished(() => limits.mockRestore());
  mirror.start();
  await shows(mirror, 'a');
  const watches = () => server.requests.filter((line) => line.includes('watch=true&'));
  expect(watches()).toEqual([expect.stringContaining('timeoutSeconds=300')]);
  late[0]?.abort(new Error('too late'));
  await vi.waitFor(() => expect(watches()).toHaveLength(2));
  await shows(mirror, 'a');
  expect(lists(server)).toBe(1);
});

test('makes no attempt after stop', async () => {
  const { server, mirror } = await begin('a');
  mirror.start();
  await shows(mirror, 'a');
  await mirror.stop();
  expect(mirror.view()).toBeUndefined();
  await vi.waitFor(() => expect(server.watches).toBe(0));
  const { length } = server.requests;
  server.put(path, thing('b'));
  expect(server.requests).toHaveLength(length);
});

test('always ends with the objects that exist, after any sequence of events', async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('put'), name: fc.constantFrom('a', 'b', 'c', 'd') }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('delete'), name: fc.constantFrom('a', 'b', 'c', 'd') }) },
    fc.record({ do: fc.constantFrom('end', 'break', 'compact', 'bookmark', 'yield'), name: fc.constant('') }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { server, mirror } = await begin('a', 'b', 'c');
      server.pageSize = 2;
      const there = new Set(['a', 'b', 'c']);
      const deeds: Record<string, (name: string) => unknown> = {
        put: (name) => (there.add(name), server.put(path, thing(name))),
        delete: (name) => there.delete(name) && server.delete(path, name),
        end: () => server.endWatches(),
        break: () => server.breakConnections(),
        compact: () => server.compact(),
        bookmark: () => server.bookmark(path),
        yield: () => new Promise((resolve) => setImmediate(resolve)),
      };
      mirror.start();
      for (const { do: deed, name } of steps) await deeds[deed]?.(name);
      await shows(mirror, ...[...there].toSorted());
      await mirror.stop();
    }),
    { numRuns: 40 },
  );
});
