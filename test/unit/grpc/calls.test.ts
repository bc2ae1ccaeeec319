import { once } from 'node:events';
import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { isFailure } from '../../../src/domain/errors.ts';
import { failureOf, serve } from './harness.ts';

/** A handler that reports its start, and ends on demand or when its signal aborts. */
function slowProbe() {
  const begun = Promise.withResolvers<AbortSignal>();
  const release = Promise.withResolvers<void>();
  const probe = async (_request: unknown, { signal }: { signal: AbortSignal }) => {
    begun.resolve(signal);
    await Promise.race([release.promise, once(signal, 'abort')]);
    signal.throwIfAborted();
    return { ready: { value: true } };
  };
  return { probe, begun: begun.promise, release: () => release.resolve() };
}

test('a caller that cancels aborts the signal', async () => {
  const { probe, begun } = slowProbe();
  const { client, lines, server } = await serve({ Identity: { probe } });
  const controller = new AbortController();
  const call = failureOf(client.identity.probe({}, { signal: controller.signal }));
  const signal = await begun;
  controller.abort();
  expect(await call).toMatchObject({ code: status.CANCELLED });
  expect(await server.stop(5000)).toBe(true);
  expect(isFailure(signal.reason, 'cancelled')).toBe(true);
  expect(lines).toMatchObject([{ level: 'debug', fields: { code: 'CANCELLED' } }]);
});

test('a deadline aborts the signal', async () => {
  const { probe, begun } = slowProbe();
  const { client, server } = await serve({ Identity: { probe } });
  const call = failureOf(client.identity.probe({}, { deadlineMs: 300 }));
  const signal = await begun;
  expect(await call).toMatchObject({ code: status.DEADLINE_EXCEEDED });
  expect(await server.stop(5000)).toBe(true);
  expect(signal.aborted).toBe(true);
});

test('a call that succeeded never aborts its signal', async () => {
  const { probe, begun, release } = slowProbe();
  const { client, server } = await serve({ Identity: { probe } });
  release();
  await client.identity.probe({});
  client.close();
  await server.stop(5000);
  expect((await begun).aborted).toBe(false);
});

test('stop lets calls in flight finish and accepts no new one', async () => {
  const { probe, begun, release } = slowProbe();
  const { client, server } = await serve({ Identity: { probe } });
  const call = client.identity.probe({});
  await begun;
  const stopped = server.stop(5000);
  const refused = await failureOf(client.identity.probe({}, { deadlineMs: 2000 }));
  expect(refused.code).toBe(status.UNAVAILABLE);
  release();
  expect(await call).toEqual({ ready: { value: true } });
  expect(await stopped).toBe(true);
});

test('stop waits for work whose caller has cancelled', async () => {
  const begun = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const probe = async () => {
    begun.resolve();
    await release.promise;
    return {};
  };
  const { client, server } = await serve({ Identity: { probe } });
  const controller = new AbortController();
  const call = failureOf(client.identity.probe({}, { signal: controller.signal }));
  await begun.promise;
  controller.abort();
  await call;
  client.close();
  let ended = false;
  const stopped = server.stop(5000).finally(() => (ended = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(ended).toBe(false);
  release.resolve();
  expect(await stopped).toBe(true);
});

test('stop aborts the remaining calls after its deadline', async () => {
  const { probe, begun } = slowProbe();
  const { client, server } = await serve({ Identity: { probe } });
  const call = failureOf(client.identity.probe({}));
  const signal = await begun;
  expect(await server.stop(20)).toBe(false);
  expect((await call).code).toBeTypeOf('number');
  if (!signal.aborted) await once(signal, 'abort');
});
