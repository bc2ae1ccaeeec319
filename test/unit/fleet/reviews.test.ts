import { expect, test, vi } from 'vitest';
import type { NodeName } from '../../../src/domain/ids.ts';
import { byToken } from '../../../src/fleet/server/identity.ts';
import { Reviews } from '../../../src/fleet/server/reviews.ts';
import { failureOf } from '../grpc/harness.ts';
import { authority, controller, filesOf, never, serverCertificate } from './harness.ts';
import { hello, Peer } from './peer.ts';

const from = (address: string, signal = never) => ({ address, signal });

test('reviews no token of callers that left while they waited', async () => {
  const reviews = new Reviews({ atOnce: 1, waiting: 100, waitingOfOne: 100 });
  const gate = Promise.withResolvers<void>();
  const first = reviews.run(from('a'), () => gate.promise);
  const leaving = new AbortController();
  let reviewed = 0;
  const review = async () => void (reviewed += 1);
  const given = Array.from({ length: 50 }, () => failureOf(reviews.run(from('a', leaving.signal), review)));
  expect(reviews.waiting).toBe(50);
  leaving.abort();
  expect(reviews.waiting).toBe(0);
  for (const one of given) expect(await one).toMatchObject({ kind: 'cancelled' });
  const last = reviews.run(from('b'), async () => 'reviewed');
  gate.resolve();
  await first;
  expect(await last).toBe('reviewed');
  expect(reviewed).toBe(0);
});

test('has no slot more after reviews that ended while nobody waited', async () => {
  const reviews = new Reviews({ atOnce: 1, waiting: 100, waitingOfOne: 100 });
  for (let ended = 0; ended < 3; ended += 1) await reviews.run(from('a'), async () => undefined);
  const gate = Promise.withResolvers<void>();
  let begun = 0;
  const review = () => {
    begun += 1;
    return gate.promise;
  };
  const running = [reviews.run(from('a'), review), reviews.run(from('b'), review)];
  expect([begun, reviews.waiting]).toEqual([1, 1]);
  gate.resolve();
  await Promise.all(running);
  expect(begun).toBe(2);
});

test('gives each address a turn: a flood from one does not delay the others', async () => {
  const reviews = new Reviews({ atOnce: 1, waiting: 100, waitingOfOne: 100 });
  const order: string[] = [];
  const run = (name: string, address: string) => reviews.run(from(address), async () => void order.push(name));
  const flood = Array.from({ length: 5 }, (_, index) => run(`flood ${index}`, 'a'));
  await Promise.all([...flood, run('honest', 'b')]);
  expect(order.indexOf('honest')).toBeLessThanOrEqual(2);
  expect(order).toHaveLength(6);
});

test.each([
  { bound: 'in all', waiting: ['a', 'b', 'c'], refused: 'd' },
  { bound: 'from one address', waiting: ['a', 'a'], refused: 'a' },
])('bounds the reviews that wait $bound', async ({ waiting, refused }) => {
  const reviews = new Reviews({ atOnce: 1, waiting: 3, waitingOfOne: 2 });
  const gate = Promise.withResolvers<void>();
  const accepted = ['running', ...waiting].map((address) => reviews.run(from(address), () => gate.promise));
  expect(await failureOf(reviews.run(from(refused), async () => undefined))).toMatchObject({ kind: 'unavailable' });
  gate.resolve();
  await Promise.all(accepted);
  expect(reviews.waiting).toBe(0);
});

test('reviews no token of a caller that leaves as its turn comes', async () => {
  const reviews = new Reviews({ atOnce: 1, waiting: 10, waitingOfOne: 10 });
  const leaving = new AbortController();
  let reviewed = 0;
  const first = reviews.run(from('a'), async () => queueMicrotask(() => queueMicrotask(() => leaving.abort())));
  const second = failureOf(reviews.run(from('a', leaving.signal), async () => void (reviewed += 1)));
  await first;
  expect(await second).toMatchObject({ kind: 'cancelled' });
  expect(reviewed).toBe(0);
  expect(await reviews.run(from('b'), async () => 'next')).toBe('next');
});

test('a stream that is reset before its review ended is counted and logged, and its review aborted', async () => {
  const { certificate, key } = filesOf(serverCertificate(), authority.certificate);
  const begun = Promise.withResolvers<void>();
  let aborted = 0;
  const identify = byToken(async (_token, signal) => {
    const { promise, reject } = Promise.withResolvers<{ node: NodeName; expires: number }>();
    signal?.addEventListener('abort', () => {
      aborted += 1;
      reject(signal.reason);
    });
    begun.resolve();
    return promise;
  });
  const running = await controller({ files: { certificate, key }, identify });
  const peer = new Peer(running.port, { token: 'any' });
  peer.send({ hello });
  await begun.promise;
  peer.close();
  await vi.waitUntil(() => running.server.refused().get('abandoned') === 1, 20_000);
  expect(aborted).toBe(1);
  expect(running.lines).toContainEqual(
    expect.objectContaining({ fields: expect.objectContaining({ reason: 'abandoned' }) }),
  );
});

test('hands the turn of a failed review to the next', async () => {
  const reviews = new Reviews({ atOnce: 1, waiting: 10, waitingOfOne: 10 });
  const failed = failureOf(reviews.run(from('a'), () => Promise.reject(new Error('failed'))));
  expect(await reviews.run(from('a'), async () => 'next')).toBe('next');
  expect(await failed).toMatchObject({ message: 'failed' });
  expect(await reviews.run(from('a'), async () => 'later')).toBe('later');
});
