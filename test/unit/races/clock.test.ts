import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { takeClock } from '../../races/clock.ts';

test('time within a clock passes only when the clock says so', async () => {
  using clock = takeClock();
  const fired: string[] = [];
  clock.within(() => {
    setTimeout((name: string) => fired.push(name), 20, 'timer');
    void sleep(10).then(() => fired.push('sleep'));
    AbortSignal.timeout(30).addEventListener('abort', () => fired.push('signal'));
  });
  expect(clock.untilNext()).toBe(10);
  const began = clock.within(() => Date.now());
  clock.pass(25);
  await Promise.resolve();
  expect(fired).toEqual(['timer', 'sleep']);
  expect(clock.within(() => Date.now()) - began).toBe(25);
  clock.pass(5);
  expect(fired).toEqual(['timer', 'sleep', 'signal']);
});

test('what follows from work within a clock is within it', async () => {
  using clock = takeClock();
  await clock.within(async () => {
    await new Promise((resolve) => void setImmediate(resolve));
    setTimeout(() => undefined, 7);
  });
  expect(clock.untilNext()).toBe(7);
});

test('what another test or an earlier run has left behind keeps the real clock', async () => {
  const real = Date.now();
  using earlier = takeClock();
  using clock = takeClock();
  expect(Date.now()).toBeLessThan(real + 3_600_000);
  await new Promise((resolve) => void setTimeout(resolve, 1));
  await sleep(1);
  earlier.within(() => setTimeout(() => undefined, 5));
  expect(clock.untilNext()).toBeUndefined();
  expect(earlier.untilNext()).toBe(5);
});
