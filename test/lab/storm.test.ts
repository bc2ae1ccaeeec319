import { expect, test } from 'vitest';
import { keptSeedsOf } from '../support/long-run.ts';
import { group } from '../storm/disks.ts';
import { Storm } from '../storm/run.ts';
import { openTogether } from '../storm/site.ts';
import { runStorm } from '../storm/storm.ts';

const say = (): void => undefined;

test.for(keptSeedsOf('storm'))(
  'a storm of calls, kills, power cuts and stuck disks loses nothing that was acknowledged, and leaves nothing behind: seed %d',
  { timeout: 300_000 },
  async (seed) => {
    const { failure } = await runStorm({ seed, from: 0, goesOn: (round) => round < 5, say });
    expect(failure?.report).toBeUndefined();
  },
);

test.for(keptSeedsOf('storm-apart'))(
  'a storm with the controller on another machine, and cuts of the network, loses and leaves nothing: seed %d',
  { timeout: 300_000 },
  async (seed) => {
    const { failure } = await runStorm({ seed, roles: 'apart', from: 0, goesOn: (round) => round < 4, say });
    expect(failure?.report).toBeUndefined();
  },
);

test('a storm ends with a finding when a foreign volume is touched', async () => {
  await using place = await openTogether();
  const storm = await Storm.open(place, { seed: 1, from: 0, goesOn: (round) => round < 1, say });
  await place.guest.shell(`lvchange -qq --addtag touched ${group}/foreign`);
  const finding = await storm.play();
  expect(finding?.problems.join('\n')).toContain('the foreign volume has changed');
});
