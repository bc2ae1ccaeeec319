import { once } from 'node:events';
import { Client, type ClientReadableStream, credentials, status } from '@grpc/grpc-js';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Failure, isFailure } from '../../../src/domain/errors.ts';
import { decode, encode, loadProto, methodsOf } from '../../../src/grpc/load.ts';
import type { Services } from '../../../src/grpc/services.ts';
import { failureOf, serve, type Served } from './harness.ts';

type Handler = NonNullable<NonNullable<Services['SnapshotMetadata']>['getMetadataAllocated']>;

const service = 'csi.v1.SnapshotMetadata';
const method = methodsOf(loadProto(), service).find(({ name }) => name === 'GetMetadataAllocated');
const same = (bytes: Buffer): Buffer => bytes;
const never = new Promise<never>(() => undefined);

/** A reply of a given size: the interface has no field for padding, so the block list fills it. */
const block = (number: number) => ({ blockMetadata: [{ byteOffset: `${number}`, sizeBytes: '1' }] });
const padded = Array.from({ length: 8192 }, (_, index) => ({ byteOffset: `${index}`, sizeBytes: '4096' }));

interface Streaming extends Served {
  /** Opens the stream, and reads nothing from it. */
  readonly open: (request?: object) => ClientReadableStream<Buffer>;
}

async function begin(getMetadataAllocated: Handler | undefined, options: object = {}): Promise<Streaming> {
  const handlers = getMetadataAllocated === undefined ? {} : { getMetadataAllocated };
  const served = await serve({ SnapshotMetadata: handlers, Identity: { probe: async () => ({}) } }, options);
  const client = new Client(`unix://${served.path}`, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
  });
  onTestFinished(() => client.close());
  if (method === undefined) throw new Error('the method is not in the interface');
  const { resolvedRequestType } = method;
  const open = (request: object = { snapshotId: 's' }) => {
    const bytes = encode(resolvedRequestType, request);
    const stream = client.makeServerStreamRequest(`/${service}/GetMetadataAllocated`, same, same, bytes);
    stream.on('error', () => undefined);
    return stream;
  };
  return { ...served, open };
}

function read(bytes: Buffer): unknown {
  if (method === undefined) throw new Error('the method is not in the interface');
  return decode(method.resolvedResponseType, bytes)['blockMetadata'];
}

async function all(stream: ClientReadableStream<Buffer>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const bytes of stream) found.push(read(bytes as Buffer));
  return found;
}

test('replies arrive in order, and the call has one line in the log and one observation in the metrics', async () => {
  const observed: unknown[] = [];
  const hooks = { observe: (...each: unknown[]) => observed.push(each), now: () => 5 };
  const { open, lines } = await begin(async function* give({ snapshotId, startingOffset }) {
    expect([snapshotId, startingOffset]).toEqual(['s1', '7']);
    for (let number = 0; number < 3; number += 1) yield block(number);
  }, hooks);
  const offsets = (await all(open({ snapshotId: 's1', startingOffset: '7' }))).flat();
  expect(offsets).toEqual([0, 1, 2].map((number) => ({ byteOffset: `${number}`, sizeBytes: '1' })));
  expect(lines).toEqual([
    {
      level: 'debug',
      message: 'call',
      fields: { method: 'GetMetadataAllocated', volume: 's1', duration_ms: 0, code: 'OK', messages: 3 },
    },
  ]);
  expect(observed).toEqual([['GetMetadataAllocated', 'OK', 0]]);
});

test('a stream without replies ends with OK', async () => {
  const { open } = await begin(async function* give() {});
  expect(await all(open())).toEqual([]);
});

test('a failure follows the replies before it', async () => {
  const { open, lines } = await begin(async function* give() {
    yield block(0);
    throw new Failure('not-found', 'snapshot s is gone');
  });
  const stream = open();
  const [first] = (await once(stream, 'data')) as [Buffer];
  expect(read(first)).toHaveLength(1);
  expect(
    await failureOf(
      once(stream, 'end').then(
        () => never,
        (error: unknown) => Promise.reject(error),
      ),
    ),
  ).toMatchObject({
    code: status.NOT_FOUND,
    details: 'snapshot s is gone',
  });
  expect(lines).toMatchObject([{ level: 'debug', fields: { code: 'NOT_FOUND', messages: 1 } }]);
});

test('sends no text of an unknown error, and logs all of it', async () => {
  const boom = new Error('disk on fire');
  const { open, lines } = await begin(() => {
    throw boom;
  });
  expect(await failureOf(all(open({ snapshotId: 's', secrets: { key: 'SECRET' } })))).toMatchObject({
    code: status.INTERNAL,
    details: 'internal error',
  });
  expect(lines).toMatchObject([{ level: 'error', fields: { err: boom, messages: 0 } }]);
  expect(JSON.stringify(lines)).not.toContain('SECRET');
});

test('a reply of another shape is an internal error', async () => {
  const { open } = await begin(async function* give() {
    yield { blockMetadata: 'all' } as unknown as object;
  });
  expect(await failureOf(all(open()))).toMatchObject({ code: status.INTERNAL, details: 'internal error' });
});

test('a method that is not offered is UNIMPLEMENTED', async () => {
  const { open } = await begin(undefined);
  expect(await failureOf(all(open()))).toMatchObject({
    code: status.UNIMPLEMENTED,
    details: 'this driver does not offer GetMetadataAllocated',
  });
});

test('a request over the limits never reaches the handler', async () => {
  const handler = vi.fn<Handler>();
  const { open } = await begin(handler);
  expect(await failureOf(all(open({ snapshotId: 'x'.repeat(129) })))).toMatchObject({
    code: status.INVALID_ARGUMENT,
    details: 'snapshot_id is 129 bytes long, the limit is 128',
  });
  expect(handler).not.toHaveBeenCalled();
});

test('refuses and logs a reply that is too large for clients', async () => {
  const { open, lines } = await begin(async function* give() {
    const huge = { byteOffset: `${2n ** 62n}`, sizeBytes: `${2n ** 62n}` };
    yield { blockMetadata: Array.from({ length: 220_000 }, () => huge) };
  });
  expect(await failureOf(all(open()))).toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
    details: expect.stringMatching(/^the reply is \d+ bytes long, the limit is 4194304$/),
  });
  expect(lines).toMatchObject([{ fields: { code: 'RESOURCE_EXHAUSTED', messages: 0 } }]);
});

test('a caller that cancels aborts the signal and ends the generator', async () => {
  const ended = Promise.withResolvers<AbortSignal>();
  const { open, lines, server } = await begin(async function* give(_request, { signal }) {
    try {
      for (let number = 0; ; number += 1) yield block(number);
    } finally {
      ended.resolve(signal);
    }
  });
  const stream = open();
  await once(stream, 'data');
  stream.cancel();
  const signal = await ended.promise;
  expect(await server.stop(5000)).toBe(true);
  expect(isFailure(signal.reason, 'cancelled')).toBe(true);
  expect(lines).toMatchObject([{ level: 'debug', fields: { code: 'CANCELLED' } }]);
});

test('a caller that cancels while a reply is being made aborts the signal', async () => {
  const begun = Promise.withResolvers<AbortSignal>();
  const { open, lines, server } = await begin(async function* give(_request, { signal }) {
    begun.resolve(signal);
    // Returns after the abort, and throws nothing.
    if (!signal.aborted) await once(signal, 'abort');
    yield* [];
  });
  const stream = open();
  await begun.promise;
  stream.cancel();
  expect(await server.stop(5000)).toBe(true);
  expect(lines).toMatchObject([{ fields: { code: 'CANCELLED', messages: 0 } }]);
});

test('stops the handler while the caller reads nothing, and ends it after the limit', async () => {
  const ended = Promise.withResolvers<void>();
  let made = 0;
  const { open, lines, client } = await begin(
    async function* give() {
      try {
        for (; made < 1000; made += 1) yield { blockMetadata: padded };
      } finally {
        ended.resolve();
      }
    },
    { stallLimit: 200 },
  );
  const stream = open();
  // One read, since grpc-js buffers everything before the first.
  await once(stream, 'readable');
  stream.read();
  await ended.promise;
  // The caller's own buffers take a few of the thousand.
  expect(made).toBeLessThan(50);
  await vi.waitFor(() =>
    expect(lines).toMatchObject([{ fields: { code: 'UNAVAILABLE', error: 'the caller took no message for 0.2 s' } }]),
  );
  expect(await client.identity.probe({})).toMatchObject({});
  stream.cancel();
});

test('a caller that reads slowly gets every reply', async () => {
  const { open } = await begin(async function* give() {
    for (let number = 0; number < 20; number += 1) yield { blockMetadata: padded };
  });
  const found = await all(open());
  expect(found).toHaveLength(20);
  expect(found.every((list) => (list as unknown[]).length === padded.length)).toBe(true);
});

test('stop waits for a stream, and aborts it after its deadline', async () => {
  const begun = Promise.withResolvers<AbortSignal>();
  const { open, server } = await begin(async function* give(_request, { signal }) {
    begun.resolve(signal);
    await once(signal, 'abort');
    yield* [];
  });
  const cut = failureOf(all(open()));
  const signal = await begun.promise;
  expect(await server.stop(20)).toBe(false);
  expect((await cut).code).toBeTypeOf('number');
  if (!signal.aborted) await once(signal, 'abort');
});

test('a logger that throws does not end the stream', async () => {
  const fails = (): never => {
    throw new Error('log is full');
  };
  const { open } = await begin(
    async function* give() {
      yield block(0);
    },
    { log: { debug: fails, info: fails, warn: fails, error: fails } },
  );
  expect(await all(open())).toHaveLength(1);
});

test('a handler with one reply for a streaming method does not compile', () => {
  const wrong: Services = {
    // @ts-expect-error a stream yields
    SnapshotMetadata: { getMetadataAllocated: async () => block(0) },
  };
  expect(wrong).toBeTypeOf('object');
});
