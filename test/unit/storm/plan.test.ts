import { expect, test } from 'vitest';
import { disturbances } from '../../storm/disturbances.ts';
import { absentVolume, acknowledge, type Volume } from '../../storm/model.ts';
import { type Action, planRound } from '../../storm/plan.ts';
import { createRandom } from '../../storm/random.ts';
import { pinned } from '../../storm/snapshots.ts';
import { verbs } from '../../storm/verbs.ts';

const numbered = (kind: string, count: number) => Array.from({ length: count }, (_, index) => `${kind}-${index}`);
const names = [...numbered('storm', 10), ...numbered('inline', 2), ...numbered('snapshot', 4), ...numbered('group', 2)];
const text = (volumes: readonly Volume[], seed: number, round: number): string => {
  const { actions, strikes, full } = planRound(pinned(volumes), createRandom(seed, round));
  return JSON.stringify([actions, strikes, full]);
};

test('a round follows from the seed, its number and the state alone', () => {
  const volumes = names.map(absentVolume);
  for (let round = 0; round < 50; round += 1) expect(text(volumes, 7, round)).toBe(text(volumes, 7, round));
  const rounds = Array.from({ length: 50 }, (_, round) => text(volumes, 7, round));
  expect(new Set(rounds).size).toBe(50);
  expect(rounds.map((_, round) => text(volumes, 8, round))).not.toEqual(rounds);
});

test('the rounds of a seed that failed before volumes had integrity are as they were: none has it', () => {
  let volumes: readonly Volume[] = names.map(absentVolume);
  for (let round = 50; round <= 52; round += 1) {
    const { actions } = planRound(pinned(volumes), createRandom(310_041, round));
    volumes = volumes.map((one) => {
      const step = actions.find(({ volume }) => volume === one.name)?.step;
      return step ? acknowledge(one, step.change) : one;
    });
  }
  expect(volumes.some(({ shape }) => shape.encrypted)).toBe(true);
  expect(volumes.some(({ shape }) => shape.integrity)).toBe(false);
});

/** Names that an action needs for itself. */
const touchedBy = ({ step, followedBy }: Action) => [
  ...new Set([...(step.touches ?? []), ...(followedBy?.touches ?? [])]),
];

test('a storm in which every call succeeds comes to every verb, each kind of volume and each disturbance', () => {
  let volumes: readonly Volume[] = names.map(absentVolume);
  const seen = new Set<string>();
  for (let round = 0; round < 600; round += 1) {
    const { actions, strikes, full } = planRound(pinned(volumes), createRandom(1, round));
    const touched = actions.map(({ volume }) => volume);
    expect(new Set(touched).size).toBe(touched.length);
    const amid = new Set(actions.flatMap(({ step }) => step.amid ?? []).map(({ volume }) => volume));
    const alone = [...touched.filter((name) => !amid.has(name)), ...actions.flatMap(touchedBy)];
    expect(new Set(alone).size).toBe(alone.length);
    if (full) seen.add('full group');
    if (strikes.length > 2) seen.add('three strikes');
    for (const { disturbance } of strikes) seen.add(disturbance.name);
    for (const { volume, step, followedBy, pair } of actions) {
      const words = pair ? pair.steps.map(({ verb }) => verb) : [step.verb, ...(followedBy ? ['then'] : [])];
      seen.add(words.join(' and '));
      const changes = pair ? (pair.ends[0]?.changes ?? []) : [step.change, ...(followedBy ? [followedBy.change] : [])];
      volumes = volumes.map((one) => (one.name === volume ? changes.reduce(acknowledge, one) : one));
    }
    for (const { shape, possible } of volumes) {
      if (possible.exists[0] !== true) continue;
      if (shape.integrity) seen.add('integrity');
      for (const word of [shape.type, shape.access, `${shape.stripes} stripes`, `${shape.mirrors} mirrors`])
        seen.add(word);
    }
  }
  const shapes = ['integrity', 'thin', 'thick', 'block', 'ext4', 'xfs', 'btrfs', '2 stripes', '1 mirrors'];
  const strikes = [...disturbances.map(({ name }) => name), 'three strikes', 'full group'];
  const pairs = ['create and delete', 'delete and stage', 'unstage and delete', 'expand and stage', 'create and then'];
  for (const word of [
    ...Object.values(verbs)
      .flat()
      .map(({ name }) => name),
    ...shapes,
    ...strikes,
    ...pairs,
  ])
    expect(seen).toContain(word);
});
