import { expect, test } from 'vitest';
import { bootGuest } from '../../lab/lab.ts';
import { seedsOf } from '../support/long-run.ts';
import { Storm } from '../storm/run.ts';
import { group } from '../storm/site.ts';
import { runStorm, stormDisks } from '../storm/storm.ts';

test.for(seedsOf('storm'))(
  'a storm of calls, kills and power cuts loses nothing that was acknowledged, and leaves nothing behind: seed %d',
  { timeout: 300_000 },
  async (seed) => {
    const { failure } = await runStorm({ seed, from: 0, goesOn: (round) => round < 8, say: () => undefined });
    expect(failure?.report).toBeUndefined();
  },
);

test('a storm ends with a finding when a foreign volume is touched', async () => {
  await using guest = await bootGuest({ disks: stormDisks });
  const goesOn = (round: number) => round < 1;
  const storm = await Storm.open(guest, { seed: 1, from: 0, goesOn, say: () => undefined });
  await guest.shell(`lvchange -qq --addtag touched ${group}/foreign`);
  const finding = await storm.play();
  expect(finding?.problems.join('\n')).toContain('the foreign volume has changed');
});
