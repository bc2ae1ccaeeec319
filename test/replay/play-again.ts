import { createRandom } from '../storm/random.ts';
import { cacheCuts, type Cut, honestCuts } from './cuts.ts';
import type { Replay } from './play.ts';
import { described, recoverFrom, termsOf } from './recover.ts';

/**
 * Cuts the power again, amid the recovery from this cut, which was just played and logged: the driver's work at its start, and the repeated call.
 * Returns whether it held.
 */
export async function playAgain(replay: Replay, first: Cut): Promise<boolean> {
  const { disks, operation, order, say, times } = replay;
  await using log = await disks.openLog('recovery');
  const random = createRandom(order.seed, first.prefix).apart('again');
  const honest = honestCuts(log.entries);
  const picked = new Set(Array.from({ length: order.again }, () => random.pick(honest)));
  const cuts = [...picked, ...cacheCuts(log.entries, random, order.again)];
  let holds = true;
  try {
    await using replayed = await disks.beginReplayAgain(log);
    await replayed.over(
      cuts.toSorted((one, other) => one.prefix - other.prefix),
      async (cut) => {
        const terms = termsOf(operation, first, cut);
        const problems = await recoverFrom(replay, terms, { replay: 'recovery', logged: false });
        holds = problems.length === 0;
        if (!holds) say({ finding: described(replay, first, problems, cut), operation: operation.name });
        say({ counts: { 'cuts amid a recovery': 1, recoveries: 1 }, times: times.take() });
        return holds && Date.now() <= order.until;
      },
    );
  } finally {
    await disks.remove();
  }
  return holds;
}
