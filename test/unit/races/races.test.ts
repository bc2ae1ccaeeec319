import { expect, test } from 'vitest';
import { expectNone, seedsOf } from '../../support/long-run.ts';
import { play } from '../../races/play.ts';
import { run } from '../../races/run.ts';

test.each([...seedsOf('races'), 1])(
  'no caller gets an answer that no order of the calls explains, from seed %i on',
  async (seed) => {
    const { reports, counts } = await play({ seed, goesOn: (done) => done < 60 });
    expectNone(reports);
    for (const what of ['acknowledged', 'refused', 'unknown', 'disk pulled']) expect(counts[what]).toBeGreaterThan(0);
  },
);

test('a run follows from its seed alone', async () => {
  const [one, again, other] = [await run({ seed: 5 }), await run({ seed: 5 }), await run({ seed: 6 })];
  expect(again).toEqual(one);
  expect(other.history).not.toEqual(one.history);
});
