import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Caller } from '../../../src/fleet/wire/caller.ts';
import { type Handler, Responder } from '../../../src/fleet/wire/responder.ts';
import type { ReplyInit } from '../../../src/gen/quarry/fleet/v1/Reply.ts';

type Serve = (signal: AbortSignal) => AsyncIterable<Buffer>;

/** A node that serves one method, and one call of it. */
function serving(streams: boolean, serve: Serve) {
  const replies: ReplyInit[] = [];
  const handler: Handler = {
    streams,
    reads: streams,
    open: () => ({ volume: undefined, replies: ({ signal }) => serve(signal) }),
  };
  const responder = new Responder({
    node: 'n1',
    methods: new Map([['method', handler]]),
    reply: (reply) => replies.push(reply),
    log: pino({ level: 'silent' }),
  });
  const call = { id: '1', timeoutMs: '0', method: 'method', payload: Buffer.alloc(0), credit: 64 };
  return { responder, replies, call };
}

async function settled(): Promise<void> {
  for (let turns = 0; turns < 1000; turns += 1) await turn();
}

async function* endless(): AsyncGenerator<Buffer> {
  for (;;) yield Buffer.from('x');
}

test('a node lets other work run while it sends a long reply', async () => {
  const { responder, replies, call } = serving(true, endless);
  responder.accept(call);
  const seen = new Set<number>();
  for (let turns = 0; turns < 1000; turns += 1) {
    seen.add(replies.length);
    await turn();
  }
  expect([...seen]).toEqual([0, 16, 32, 48, 64]);
  responder.stop();
});

test('a node takes 16 MiB of requests at once, and no byte more', async () => {
  const { responder, call } = serving(false, async function* (signal) {
    if (!signal.aborted) await once(signal, 'abort');
    yield Buffer.alloc(0);
  });
  const payload = Buffer.alloc(1024 * 1024);
  for (let id = 1; id <= 16; id += 1) responder.accept({ ...call, id: String(id), payload });
  const more = { ...call, id: '17', payload: Buffer.alloc(1) };
  expect(() => responder.accept(more)).toThrow(expect.objectContaining({ kind: 'invalid' }));
  responder.stop();
  await responder.drain();
});

test('a reply that does not fit a message is an unknown outcome', async () => {
  const { responder, replies, call } = serving(false, async function* () {
    yield Buffer.alloc(256 * 1024);
  });
  responder.accept(call);
  await settled();
  expect(replies).toMatchObject([{ id: '1', error: { kind: 'UNKNOWN' } }]);
});

test('a long reply that a cancel ends is not taken for a whole one', async () => {
  const { responder, replies, call } = serving(true, async function* (signal) {
    yield Buffer.from('x');
    if (!signal.aborted) await once(signal, 'abort');
  });
  responder.accept(call);
  await settled();
  responder.cancel('1');
  await settled();
  expect(replies).toMatchObject([{ more: true }, { error: { kind: 'CANCELLED' } }]);
});

test('a node ends a call by itself when its time is over', async () => {
  const ended = Promise.withResolvers<unknown>();
  const { responder, call } = serving(false, async function* (signal) {
    if (!signal.aborted) await once(signal, 'abort');
    ended.resolve(signal.reason);
    yield Buffer.alloc(0);
  });
  responder.accept({ ...call, timeoutMs: '1' });
  expect(await ended.promise).toMatchObject({ kind: 'cancelled' });
  await responder.drain();
});

test('a controller gives no credit for a call that was given up', async () => {
  const sent: string[] = [];
  const caller = new Caller({
    node: 'n1',
    timeout: 60_000,
    idle: () => undefined,
    send: (message) => void sent.push(...Object.keys(message)),
  });
  const reader = new AbortController();
  const messages = caller.stream('endless', Buffer.alloc(0), { signal: reader.signal });
  const first = messages.next();
  for (let message = 0; message < 16; message += 1) caller.receive({ id: '1', payload: Buffer.from('x'), more: true });
  await first;
  reader.abort();
  for (let taken = 1; taken < 16; taken += 1) await messages.next();
  await expect(messages.next()).rejects.toMatchObject({ kind: 'cancelled' });
  expect(sent).toEqual(['call', 'cancel']);
});
