import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { connect, failure, live, streaming, unary } from './wire-pair.ts';
import { Failure } from '../../../src/domain/errors.ts';
import { Responder, serve } from '../../../src/fleet/wire/responder.ts';
import { createVolumesService } from '../../../src/fleet/wire/volumes-service.ts';
import type { Call } from '../../../src/gen/quarry/fleet/v1/Call.ts';
import { memoryLog } from '../grpc/harness.ts';
import { GatedStorage } from './gated-storage.ts';
import { callOf, protocol } from './report.ts';

test('returns the answer of a unary method', async () => {
  const { caller } = connect({ double: unary(async (payload) => Buffer.concat([payload, payload])) });
  expect(String(await caller.unary('double', Buffer.from('ab'), live()))).toBe('abab');
  expect(caller.inFlight).toBe(0);
});

test('throws the failure that the method threw', async () => {
  const { caller } = connect({
    fails: unary(async () => {
      throw new Failure('exhausted', 'no room');
    }),
  });
  expect(await failure(caller.unary('fails', Buffer.alloc(0), live()))).toBe('exhausted: no room');
});

test('does not send the text of an unexpected error', async () => {
  const { caller } = connect({
    breaks: unary(async () => {
      throw new Error('secret');
    }),
  });
  expect(await failure(caller.unary('breaks', Buffer.alloc(0), live()))).toMatch(/^unavailable: (?!.*secret)/);
});

test('answers an unknown method with unimplemented', async () => {
  const { caller } = connect({});
  expect(await failure(caller.unary('new', Buffer.alloc(0), live()))).toMatch(/^unimplemented: .*new/);
});

test('cancels a call whose caller gave up or whose time is over', async () => {
  const ends: string[] = [];
  const hangs = unary(async (_payload, signal) => {
    await once(signal, 'abort');
    ends.push((signal.reason as Error).message);
    throw signal.reason;
  });
  const { caller, events } = connect({ hangs });
  const gaveUp = new AbortController();
  const cancelled = once(events, 'cancelled');
  const first = failure(caller.unary('hangs', Buffer.alloc(0), { signal: gaveUp.signal }));
  await turn();
  gaveUp.abort();
  expect(await first).toBe('cancelled: the caller gave up');
  await cancelled;
  const short = connect({ hangs }, 20);
  const again = once(short.events, 'cancelled');
  expect(await failure(short.caller.unary('hangs', Buffer.alloc(0), live()))).toMatch(/^unavailable: .*within 20 ms/);
  await again;
  await turn();
  expect(ends).toEqual(['the caller gave up', 'the caller gave up']);
});

test('delivers the messages of a streaming method in order', async () => {
  const { caller } = connect({
    count: streaming(async function* () {
      for (let index = 0; index < 100; index += 1) yield Buffer.from(String(index));
    }),
  });
  const seen: string[] = [];
  for await (const message of caller.stream('count', Buffer.alloc(0), live())) seen.push(String(message));
  expect(seen).toEqual(Array.from({ length: 100 }, (_, index) => String(index)));
  expect(caller.inFlight).toBe(0);
});

test('stops a stream that its consumer does not keep up with', async () => {
  let produced = 0;
  const { caller, replies } = connect({
    count: streaming(async function* () {
      for (;;) {
        produced += 1;
        yield Buffer.from('x');
      }
    }),
  });
  const messages = caller.stream('count', Buffer.alloc(0), live());
  await messages.next();
  for (let turns = 0; turns < 1000; turns += 1) await turn();
  expect(replies.length).toBe(16);
  expect(produced).toBe(17);
  for (let taken = 0; taken < 8; taken += 1) await messages.next();
  for (let turns = 0; turns < 1000; turns += 1) await turn();
  expect(replies.length).toBe(24);
  await messages.return();
});

test('cancels the call when the consumer leaves the loop', async () => {
  const ended = Promise.withResolvers<void>();
  const { caller, events } = connect({
    endless: streaming(async function* (_payload, signal) {
      try {
        for (;;) {
          yield Buffer.from('x');
          signal.throwIfAborted();
        }
      } finally {
        ended.resolve();
      }
    }),
  });
  const cancelled = once(events, 'cancelled');
  for await (const message of caller.stream('endless', Buffer.alloc(0), live())) {
    expect(String(message)).toBe('x');
    break;
  }
  await cancelled;
  await ended.promise;
});

test('delivers the messages that arrived before a failure, and then the failure', async () => {
  const { caller } = connect({
    breaks: streaming(async function* () {
      yield Buffer.from('1');
      throw new Failure('precondition', 'the snapshot is gone');
    }),
  });
  const messages = caller.stream('breaks', Buffer.alloc(0), live());
  expect(String((await messages.next()).value)).toBe('1');
  expect(await failure(messages.next())).toBe('precondition: the snapshot is gone');
});

test('refuses a peer that sends more messages than it has credit for', () => {
  const { caller } = connect({});
  const messages = caller.stream('any', Buffer.alloc(0), live());
  void messages.next();
  const one = { id: '1', payload: Buffer.from('x'), more: true };
  for (let sent = 0; sent < 16; sent += 1) caller.receive(one);
  expect(() => caller.receive(one)).toThrow(/more messages/);
});

test('ends every call with an unknown outcome when the stream ends, and starts no other', async () => {
  const { caller } = connect({ hangs: unary(() => new Promise(() => undefined)) });
  const pending = failure(caller.unary('hangs', Buffer.alloc(0), live()));
  await turn();
  caller.end('the stream broke');
  expect(await pending).toMatch(/^unavailable: the outcome of the operation on node n1 .*the stream broke/);
  expect(await failure(caller.unary('hangs', Buffer.alloc(0), live()))).toMatch(/the stream broke/);
});

test('starts a call once, however often its id arrives', async () => {
  let started = 0;
  const { responder, replies } = connect({
    once: unary(async () => {
      started += 1;
      return Buffer.alloc(0);
    }),
  });
  const call = { id: '7', timeoutMs: '0', method: 'once', payload: Buffer.alloc(0), credit: 16 };
  responder.accept(call);
  responder.accept(call);
  await responder.drain();
  responder.accept({ ...call, id: '6' });
  await responder.drain();
  expect(started).toBe(1);
  expect(replies.length).toBe(1);
});

test('finishes the calls that have started and refuses later ones while it drains', async () => {
  const gate = Promise.withResolvers<Buffer>();
  const { caller, responder } = connect({ slow: unary(() => gate.promise) });
  const first = caller.unary('slow', Buffer.alloc(0), live());
  await turn();
  await turn();
  const drained = responder.drain();
  expect(await failure(caller.unary('slow', Buffer.alloc(0), live()))).toMatch(/^unavailable: .*stopping/);
  gate.resolve(Buffer.from('done'));
  expect(String(await first)).toBe('done');
  await drained;
});

test('bounds the bytes of answers that wait for their consumers', async () => {
  const { caller, events } = connect({});
  const calls = Array.from({ length: 8 }, () => caller.stream('any', Buffer.alloc(0), live()));
  const first = calls.map((call) => failure(call.next()));
  const cancelled = once(events, 'cancelled');
  const big = Buffer.alloc(256 * 1024);
  for (let id = 1; id <= 8; id += 1) {
    for (let sent = 0; sent < 16; sent += 1) caller.receive({ id: String(id), payload: big, more: true });
  }
  await Promise.all(first);
  const rest = await Promise.all(
    calls.map((call) =>
      failure(
        (async () => {
          for await (const _ of call);
        })(),
      ),
    ),
  );
  expect(rest.filter((text) => /more of its answers wait than can be held/.test(text)).length).toBeGreaterThan(0);
  await cancelled;
  expect(caller.inFlight).toBe(0);
});

test('refuses a request and an answer that no message holds', async () => {
  const { caller } = connect({ big: unary(async () => Buffer.alloc(256 * 1024)) });
  expect(await failure(caller.unary('big', Buffer.alloc(256 * 1024), live()))).toMatch(/^invalid: the request is/);
  expect(await failure(caller.unary('big', Buffer.alloc(0), live()))).toMatch(/^unavailable: .*internal error/);
});

test('names in the log the volume that a call is about, by its id or by the name of a new one', async () => {
  const { log, lines } = memoryLog();
  const methods = serve(protocol.volumes, createVolumesService(new GatedStorage('a')));
  const responder = new Responder({ node: 'a', methods, log, reply: () => undefined });
  const calls = [callOf('1', 'find', { volume: 'a:x' }), callOf('2', 'create', { spec: { name: 'pvc-1' } })];
  for (const call of calls) responder.accept(protocol.toNode(protocol.writeToNode(call)).call as Call);
  await responder.drain();
  const named = lines.map(({ level, fields }) => [level, fields['volume']]);
  expect(Object.fromEntries(named)).toEqual({ debug: 'a:x', info: 'pvc-1' });
});
