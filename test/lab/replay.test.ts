import { expect, test } from 'vitest';
import { createRandom } from '../storm/random.ts';
import { expectNone, failedOperationsOf, seedOfCommit } from '../support/long-run.ts';
import { operations } from '../replay/operations.ts';
import { runReplay } from '../replay/replay.ts';

/** Operations that the seed of the commit chooses, beside those that ever failed. */
const newOnes = 4;
/** Cuts of each kind of an operation: spread over it. */
const most = { failed: 2, chosen: 4 };
/** Milliseconds of an operation, about 15 s of which record it: cuts that a slow machine does not reach are played in longer runs. */
const time = { failed: 25_000, chosen: 45_000 };

/** Cuts of each kind amid each recovery. */
const again = { failed: 0, chosen: 1 };

const failed = failedOperationsOf('replay');
const seed = seedOfCommit('replay');
const random = createRandom(seed, 0);
const chosen = [...new Set(Array.from({ length: newOnes }, () => random.pick(operations).name))];

test(
  `the driver recovers from a power cut after any write: npm run replay -- --seed ${seed} --operation ${chosen.join()}`,
  { timeout: 900_000 },
  async () => {
    const { counts, findings } = await runReplay(orders(), () => undefined);
    expectNone(findings);
    expect(counts['recoveries']).toBeGreaterThan(failed.length + chosen.length);
  },
);

/** Each begins when the guest takes it. */
function* orders() {
  for (const one of failed) yield orderOf(one, 'failed');
  for (const operation of chosen) yield orderOf({ operation, seed }, 'chosen');
}

function orderOf(of: { readonly operation: string; readonly seed: number }, kind: 'failed' | 'chosen') {
  return { ...of, most: most[kind], again: again[kind], until: Date.now() + time[kind], once: false };
}
