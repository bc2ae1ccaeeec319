import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { createSendQueue } from '../../../src/fleet/wire/send-queue.ts';

/** A peer that takes a message only when it is told to. */
function slowPeer() {
  const taken: string[] = [];
  let take = (): void => undefined;
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      taken.push(chunk.toString());
      take = () => done();
    },
  });
  return { stream, taken, take: () => take() };
}

test('says once that more would have to wait than may, and sends nothing from then on', () => {
  const { stream, taken, take } = slowPeer();
  let full = 0;
  const queue = createSendQueue<string>(stream, {
    encode: (text) => Buffer.from(text),
    most: 4,
    full: () => void (full += 1),
    ticks: () => 0,
  });
  for (const text of ['ab', 'cd']) queue.send(text);
  expect(full).toBe(0);
  for (const text of ['e', 'f']) queue.send(text);
  expect(full).toBe(1);
  for (let step = 0; step < 2; step += 1) take();
  expect(taken).toEqual(['ab', 'cd']);
});

test('knows since when nothing has moved, while something waits', async () => {
  const { stream, take } = slowPeer();
  let now = 5;
  const options = { encode: (text: string) => Buffer.from(text), most: 100, full: () => undefined, ticks: () => now };
  const queue = createSendQueue<string>(stream, options);
  expect(queue.stuckSince()).toBeUndefined();
  queue.send('a');
  now = 7;
  queue.send('b');
  expect(queue.stuckSince()).toBe(5);
  now = 9;
  take();
  await new Promise((resolve) => setImmediate(resolve));
  expect(queue.stuckSince()).toBe(9);
  take();
  await new Promise((resolve) => setImmediate(resolve));
  expect(queue.stuckSince()).toBeUndefined();
});
