import { expect, test } from 'vitest';
import { type Sequence, shrink } from '../../storm/shrink.ts';

/** A storm that fails if rounds 5 and 7 have these actions. */
const needed = ['5:storm-1', '7:storm-2'];
const all = ['4:storm-0', '5:storm-1', '5:storm-3', '6:storm-1', '7:storm-2'];
const tries: Sequence[] = [];
const play = async (sequence: Sequence) => {
  tries.push(sequence);
  const { from, to, skip } = sequence;
  const actions = all.filter((key) => {
    const round = Number(key.split(':')[0]);
    return round >= from && round <= to && !skip.includes(key);
  });
  return { failed: needed.every((key) => actions.includes(key)), actions };
};

test('finds the last rounds that fail alone, and the actions that the failure needs', async () => {
  expect(await shrink(7, play, () => true)).toEqual({
    from: 4,
    to: 7,
    skip: ['4:storm-0', '5:storm-3', '6:storm-1'],
  });
  expect(tries.slice(0, 3).map(({ from, to }) => [from, to])).toEqual([
    [7, 7],
    [6, 7],
    [4, 7],
  ]);
});

test('answers the shortest sequence so far when the time is over, and none if the last rounds alone do not fail', async () => {
  let left = 4;
  expect(await shrink(7, play, () => left-- > 0)).toEqual({ from: 4, to: 7, skip: ['4:storm-0'] });
  expect(
    await shrink(
      7,
      async () => ({ failed: false, actions: [] }),
      () => true,
    ),
  ).toBeUndefined();
});
