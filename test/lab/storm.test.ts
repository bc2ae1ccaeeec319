import { expect, test } from 'vitest';
import { bootGuest } from '../../lab/lab.ts';
import { Storm } from '../storm/run.ts';
import { group } from '../storm/site.ts';
import { runStorm, stormDisks } from '../storm/storm.ts';

test('a storm of calls, kills and power cuts loses nothing that was acknowledged, and leaves nothing behind', async () => {
  const { failure } = await runStorm({ seed: 1, from: 0, goesOn: (round) => round < 16, say: () => undefined });
  expect(failure?.report).toBeUndefined();
}, 300_000);

test('a storm ends with a finding when a foreign volume is touched', async () => {
  await using guest = await bootGuest({ disks: stormDisks });
  const goesOn = (round: number) => round < 1;
  const storm = await Storm.open(guest, { seed: 1, from: 0, goesOn, say: () => undefined });
  await guest.shell(`lvchange -qq --addtag touched ${group}/foreign`);
  const finding = await storm.play();
  expect(finding?.problems.join('\n')).toContain('the foreign volume has changed');
});
