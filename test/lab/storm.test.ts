import { expect, test } from 'vitest';
import { expectNone, failedRoundsOf, seedOfCommit } from '../support/long-run.ts';
import { group } from '../storm/disks.ts';
import { Storm } from '../storm/run.ts';
import { openTogether } from '../storm/site.ts';
import { runStorm } from '../storm/storm.ts';

const say = (): void => undefined;

/** Of a seed that failed, the rounds up to that one; then a seed that is new with this commit. */
function slicesOf(tool: string) {
  const failed = failedRoundsOf(tool).map(({ seed, round }) => ({ seed, from: Math.max(0, round - 2), to: round }));
  return [...failed, { seed: seedOfCommit(tool), from: 0, to: 4 }];
}

test.for(slicesOf('storm'))(
  'a storm of calls, kills, power cuts and stuck disks loses nothing that was acknowledged, and leaves nothing behind: npm run storm -- --seed $seed --rounds $from-$to',
  { timeout: 600_000 },
  async ({ seed, from, to }) => {
    const { failure } = await runStorm({ seed, from, goesOn: (round) => round <= to, say });
    expectNone(failure?.finding.problems ?? [], failure?.report);
  },
);

test.for(slicesOf('storm-apart'))(
  'a storm with the controller on another machine, and cuts of the network, loses and leaves nothing: npm run storm -- --roles apart --seed $seed --rounds $from-$to',
  { timeout: 600_000 },
  async ({ seed, from, to }) => {
    const { failure } = await runStorm({ seed, roles: 'apart', from, goesOn: (round) => round <= to, say });
    expectNone(failure?.finding.problems ?? [], failure?.report);
  },
);

test('a storm ends with a finding when a foreign volume is touched', { timeout: 600_000 }, async () => {
  await using place = await openTogether();
  const storm = await Storm.open(place, { seed: 1, from: 0, goesOn: (round) => round < 1, say });
  await place.guest.shell(`lvchange -qq --addtag touched ${group}/foreign`);
  const finding = await storm.play();
  expect(finding?.problems.join('\n')).toContain('the foreign volume has changed');
});
