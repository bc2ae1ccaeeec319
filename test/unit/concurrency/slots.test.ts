import { expect, test } from 'vitest';
import { createSlots } from '../../../src/concurrency/slots.ts';

test('so many run at once, the others in turn, also after a failure', async () => {
  const inTurn = createSlots(2);
  const gates = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const begun: number[] = [];
  const tasks = gates.map(({ promise }, index) =>
    inTurn(async () => {
      begun.push(index);
      await promise;
      return index;
    }).catch(() => -1),
  );
  expect(begun).toEqual([0, 1]);
  gates[1]?.reject(new Error('failed'));
  expect(await tasks[1]).toBe(-1);
  expect(begun).toEqual([0, 1, 2]);
  gates[0]?.resolve();
  gates[2]?.resolve();
  gates[3]?.resolve();
  expect(await Promise.all(tasks)).toEqual([0, -1, 2, 3]);
});
