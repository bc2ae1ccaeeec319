import { describe, expect, test } from 'vitest';
import { conclude } from '../../storm/conclude.ts';
import { remove } from '../../storm/controller-verbs.ts';
import { absentVolume, acknowledge, doubt, known, type Volume } from '../../storm/model.ts';
import { type Pair, planPair } from '../../storm/pairs.ts';
import { createRandom } from '../../storm/random.ts';
import type { Step } from '../../storm/verb.ts';
import { planStep } from '../../storm/verbs.ts';

const shape = { type: 'thin', stripes: 1, mirrors: 0, access: 'ext4' } as const;
const absent = absentVolume('storm-1');
const made = acknowledge(absent, { facts: { exists: true, size: 100, iops: 5 }, shape });
const stagedVolume = acknowledge(made, { facts: { staged: true } });
const expansion = { facts: { size: 200 } };
const expand: Step = { verb: 'expand', text: '', outcomes: ['OK'], change: expansion, run: async () => undefined };
const outcome = (code: string) => ({ code, details: 'why' });
const action = (step: Step) => ({ volume: 'storm-1', step, times: 1 });
const factsOf = (volume: Volume) => known(volume) ?? expect.fail('the volume is not settled');

test('an outcome that is not the right one is a finding, and a call that was cut off is none', () => {
  const after = (step: Step, ...codes: string[]) => conclude(made, action(step), codes.map(outcome));
  expect(after(expand, 'NOT_FOUND')).toEqual([made, ['expand storm-1: NOT_FOUND, not OK: why']]);
  expect(after(expand, 'cut', 'OK')).toEqual([acknowledge(made, expansion), []]);
  expect(after(expand, 'cut')).toEqual([doubt(made, expansion), []]);
  expect(after({ ...expand, outcomes: ['NOT_FOUND'] }, 'OK')[1]).toHaveLength(1);
});

describe('a deletion after a cancelled call', () => {
  const stage: Step = { ...expand, verb: 'stage', change: { facts: { staged: true } } };
  const followedBy = planStep(remove, made, factsOf(made), createRandom(1, 1)) ?? expect.fail('no deletion');
  const after = (volume: Volume, step: Step, ...codes: string[]) =>
    conclude(volume, { ...action(step), cancelAfter: 5, followedBy }, codes.map(outcome));

  test('leaves no volume, whether the call was done or not', () => {
    for (const code of ['CANCELLED', 'OK', 'UNAVAILABLE'])
      expect(after(made, expand, code, 'OK')).toEqual([absent, []]);
    expect(after(absent, { ...expand, change: { facts: { exists: true }, shape } }, 'CANCELLED', 'OK')[0]).toEqual(
      absent,
    );
  });

  test('may be refused after a stage, and then the volume is staged', () => {
    const [volume, problems] = after(made, stage, 'CANCELLED', 'FAILED_PRECONDITION');
    expect(problems).toEqual([]);
    expect(factsOf(volume)).toMatchObject({ exists: true, staged: true });
    expect(after(made, stage, 'CANCELLED', 'OK')).toEqual([absent, []]);
  });

  test('is wrong if it was done with a staged volume, or refused without one', () => {
    expect(after(stagedVolume, expand, 'OK', 'OK')[1]).toEqual(['delete storm-1: OK, not FAILED_PRECONDITION: why']);
    expect(after(made, expand, 'CANCELLED', 'FAILED_PRECONDITION')[1]).toHaveLength(1);
    expect(after(made, expand, 'INTERNAL', 'OK')[1]).toEqual(['expand storm-1: INTERNAL, not OK: why']);
  });

  test('is in doubt if a disturbance cut it off', () => {
    expect(after(made, expand, 'cut')[0]).toEqual(doubt(made, expansion));
    expect(after(made, expand, 'OK', 'cut')[0].possible.exists).toEqual([true, false]);
  });
});

/** The pair of these verbs, planned for the volume. */
function pairOf(names: string, volume: Volume): Pair {
  for (let round = 0; round < 1000; round += 1) {
    const pair = planPair(volume, factsOf(volume), createRandom(1, round));
    if (pair?.steps.map(({ verb }) => verb).join('+') === names) return pair;
  }
  return expect.fail(`no pair ${names}`);
}

describe('two calls at once', () => {
  const after = (volume: Volume, names: string, ...codes: string[]) => {
    const pair = pairOf(names, volume);
    return conclude(volume, { ...action(pair.steps[0]), pair }, codes.map(outcome));
  };

  test('a deletion and a stage exclude each other', () => {
    expect(after(made, 'delete+stage', 'OK', 'NOT_FOUND')).toEqual([absent, []]);
    const [staged, none] = after(made, 'delete+stage', 'FAILED_PRECONDITION', 'OK');
    expect([factsOf(staged).staged, none]).toEqual([true, []]);
    expect(after(made, 'delete+stage', 'OK', 'OK')[1].join()).toContain('no order of the calls has these outcomes');
  });

  test('a creation and a deletion leave a volume or none, and nothing of an old one', () => {
    const [maybe] = after(absent, 'create+delete', 'OK', 'OK');
    expect(maybe.possible.exists).toEqual([false, true]);
    const written = acknowledge(made, { facts: {}, write: { region: 1, content: 7 } });
    expect(after(written, 'create+delete', 'OK', 'OK')[0].regions[1]).toEqual(['anything']);
    expect(after(absent, 'create+delete', 'RESOURCE_EXHAUSTED', 'OK')[1]).toHaveLength(1);
  });

  test('an expansion and a stage both take effect', () => {
    const [volume] = after(made, 'expand+stage', 'OK', 'OK');
    expect(factsOf(volume).staged).toBe(true);
    expect(after(made, 'expand+stage', 'OK', 'NOT_FOUND')[1]).toHaveLength(1);
  });

  test('a call that was cut off may have been done or not, and the other decides where it can', () => {
    expect(after(made, 'delete+stage', 'cut', 'NOT_FOUND')).toEqual([absent, []]);
    expect(factsOf(after(made, 'delete+stage', 'cut', 'OK')[0])).toMatchObject({ exists: true, staged: true });
    expect(after(stagedVolume, 'unstage+delete', 'cut', 'OK')).toEqual([absent, []]);
    expect(after(stagedVolume, 'publish+modify', 'cut', 'OK')[0].possible.published).toEqual([true, false]);
    expect(after(made, 'delete+stage', 'cut', 'cut')[0].possible).toMatchObject({
      exists: [false, true],
      staged: [false, true],
    });
  });
});
