import { expect, test } from 'vitest';
import { createUnbroken } from '../../../src/concurrency/unbroken.ts';

test('a stop waits for running tasks, also if they fail, and no task starts after it', async () => {
  const unbroken = createUnbroken();
  const gates = [Promise.withResolvers<number>(), Promise.withResolvers<number>()] as const;
  const works = gates.map(({ promise }, index) => unbroken.run(`work ${index}`, () => promise).catch(() => -1));
  expect(unbroken.running()).toEqual(['work 0', 'work 1']);
  const events: string[] = [];
  const stopped = unbroken.stop().then(() => events.push('stopped'));
  await expect(unbroken.run('work 2', async () => 2)).rejects.toMatchObject({ kind: 'unavailable' });
  gates[0].resolve(0);
  expect(await works[0]).toBe(0);
  expect(events).toEqual([]);
  gates[1].reject(new Error('failed'));
  await stopped;
  expect(await works[1]).toBe(-1);
  expect(unbroken.running()).toEqual([]);
  await unbroken.stop();
});
