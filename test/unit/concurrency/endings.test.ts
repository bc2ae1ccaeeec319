import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { createEndings } from '../../../src/concurrency/endings.ts';

const long = 600_000;

test('a call that waits looks at once, and again after each end', async () => {
  const endings = createEndings();
  let found: string | undefined = 'early';
  const { signal } = new AbortController();
  expect(await endings.waitFor(() => found, long, signal)).toBe('early');
  found = undefined;
  let looks = 0;
  const waiting = endings.waitFor(() => ((looks += 1), found), long, signal);
  endings.announce();
  await expect.poll(() => looks).toBe(2);
  found = 'late';
  endings.announce();
  expect(await waiting).toBe('late');
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('a call ends without a find when its time is over, or its signal fires or has fired, and leaves no listener', async () => {
  const endings = createEndings();
  const nothing = (): undefined => undefined;
  const caller = new AbortController();
  expect(await endings.waitFor(nothing, 1, caller.signal)).toBeUndefined();
  const waiting = endings.waitFor(nothing, long, caller.signal);
  caller.abort();
  expect(await waiting).toBeUndefined();
  expect(await endings.waitFor(nothing, long, caller.signal)).toBeUndefined();
  expect(getEventListeners(caller.signal, 'abort')).toEqual([]);
});

test('a call that finds out that there is nothing to wait for throws, and leaves no listener', async () => {
  const { signal } = new AbortController();
  const refuse = (): never => {
    throw new Error('gone');
  };
  await expect(createEndings().waitFor(refuse, long, signal)).rejects.toThrow('gone');
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});
