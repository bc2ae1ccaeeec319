import { expect, test } from 'vitest';
import { absentVolume, acknowledge, type Volume } from '../../storm/model.ts';
import { planRound } from '../../storm/plan.ts';
import { createRandom } from '../../storm/random.ts';
import { verbs } from '../../storm/verbs.ts';

const names = Array.from({ length: 10 }, (_, index) => `storm-${index}`);
const text = (volumes: readonly Volume[], seed: number, round: number): string => {
  const { actions, strike } = planRound(volumes, createRandom(seed, round));
  const words = actions.map(({ volume, step, times, cancelAfter }) => [
    volume,
    step.verb,
    step.text,
    times,
    cancelAfter,
  ]);
  return JSON.stringify([words, strike?.disturbance.name, strike?.after, strike?.again]);
};

test('a round follows from the seed, its number and the state alone', () => {
  const volumes = names.map(absentVolume);
  for (let round = 0; round < 50; round += 1) expect(text(volumes, 7, round)).toBe(text(volumes, 7, round));
  const rounds = Array.from({ length: 50 }, (_, round) => text(volumes, 7, round));
  expect(new Set(rounds).size).toBe(50);
  expect(rounds.map((_, round) => text(volumes, 8, round))).not.toEqual(rounds);
});

test('a storm in which every call succeeds comes to every verb, each kind of volume and each disturbance', () => {
  let volumes: readonly Volume[] = names.map(absentVolume);
  const seen = new Set<string>();
  for (let round = 0; round < 500; round += 1) {
    const { actions, strike } = planRound(volumes, createRandom(1, round));
    const touched = actions.map(({ volume }) => volume);
    expect(new Set(touched).size).toBe(touched.length);
    if (strike) seen.add(strike.disturbance.name);
    for (const { volume, step } of actions) {
      seen.add(step.verb);
      volumes = volumes.map((one) => (one.name === volume ? acknowledge(one, step.change) : one));
    }
    for (const { shape, possible } of volumes) {
      if (possible.exists[0] !== true) continue;
      for (const word of [shape.type, shape.access, `${shape.stripes} stripes`, `${shape.mirrors} mirrors`])
        seen.add(word);
    }
  }
  const shapes = ['thin', 'thick', 'block', 'ext4', 'xfs', 'btrfs', '2 stripes', '1 mirrors'];
  const strikes = ['kill -9 of the driver', 'kill -9 of the container', 'power cut'];
  for (const word of [...verbs.map(({ name }) => name), ...shapes, ...strikes]) expect(seen).toContain(word);
});
