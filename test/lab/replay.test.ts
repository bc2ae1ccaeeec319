import { expect, test } from 'vitest';
import { createRandom } from '../storm/random.ts';
import { expectNone, seedsOf } from '../support/long-run.ts';
import { operations } from '../replay/operations.ts';
import { runReplay } from '../replay/replay.ts';

/** Milliseconds of cuts: what a slow machine does not reach is played in longer runs. */
const time = 30_000;
/** Cuts of each kind, of each operation. */
const most = 32;

const seeds = seedsOf('replay');

test(
  `the driver recovers from a power cut after any write: npm run replay -- --seed ${seeds.join(' or ')}`,
  { timeout: 600_000 },
  async () => {
    const began = Date.now();
    const chosen = seeds.flatMap((seed) => {
      const random = createRandom(seed, 0);
      const names = new Set(Array.from({ length: 2 }, () => random.pick(operations).name));
      return [...names].map((operation) => [operation, seed] as const);
    });
    const orders = chosen.map(([operation, seed], index) => ({
      operation,
      seed,
      most,
      until: began + ((index + 1) / chosen.length) * time,
      once: false,
    }));
    const { counts, findings } = await runReplay(orders.values(), () => undefined);
    expectNone(findings);
    expect(counts['recoveries']).toBeGreaterThan(0);
  },
);
