import { EventEmitter, once } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import { connect, failure, live, streaming, unary } from './wire-pair.ts';

test('limits the time to the next message of a streaming method, not the whole', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const ended = Promise.withResolvers<void>();
  const ticks = new EventEmitter();
  const ticking = streaming(async function* (_payload, signal) {
    try {
      for (;;) {
        await once(ticks, 'tick', { signal });
        yield Buffer.from('tick');
      }
    } finally {
      ended.resolve();
    }
  });
  const { caller } = connect({ ticking }, 1000);
  const messages = caller.stream('ticking', Buffer.alloc(0), live());
  for (let count = 0; count < 5; count += 1) {
    const next = messages.next();
    await vi.waitUntil(() => ticks.listenerCount('tick') === 1);
    vi.advanceTimersByTime(800);
    ticks.emit('tick');
    expect(await next).toMatchObject({ done: false });
  }
  const next = failure(messages.next());
  await vi.waitUntil(() => ticks.listenerCount('tick') === 1);
  vi.advanceTimersByTime(1001);
  expect(await next).toMatch(/^(unavailable|cancelled): /);
  await ended.promise;
});

test('does not cancel a call when its time is over that was answered before', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const signals: AbortSignal[] = [];
  const answer = unary(async (payload, signal) => {
    signals.push(signal);
    return payload;
  });
  const { responder, replies } = connect({ answer });
  responder.accept({ id: '1', timeoutMs: '1000', method: 'answer', payload: Buffer.from('x'), credit: 16 });
  await responder.drain();
  expect(replies).toMatchObject([{ id: '1', payload: Buffer.from('x') }]);
  vi.advanceTimersByTime(1001);
  expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
});
