import { parseArgs } from 'node:util';
import { wholeNumber } from '../support/long-run.ts';

/** What a round found. */
export interface Round {
  readonly transactions: number;
  readonly problems: readonly string[];
}

/** The options of a run, from the arguments of the process. */
export function readOptions(databases: readonly string[]) {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '0' },
      minutes: { type: 'string', default: '5' },
      rounds: { type: 'string' },
      databases: { type: 'string', default: databases.join() },
      tally: { type: 'string' },
    },
  });
  const named = values.databases.split(',');
  const unknown = named.filter((name) => !databases.includes(name));
  if (unknown.length > 0) throw new Error(`--databases: there is no ${unknown.join()}, only ${databases.join()}`);
  const most = values.rounds === undefined ? Infinity : wholeNumber('rounds', values.rounds);
  const [seed, minutes] = [wholeNumber('seed', values.seed), wholeNumber('minutes', values.minutes)];
  return { seed, minutes, most, named, tally: values.tally };
}

/** Plays rounds, of each kind in turn, until there are enough, the time is over, or one has found a problem. */
export async function playRounds(
  { minutes, most }: { readonly minutes: number; readonly most: number },
  kinds: Readonly<Record<string, () => Promise<Round>>>,
) {
  const began = Date.now();
  const counts: Record<string, number> = {};
  const findings: string[] = [];
  for (let round = 0; round < most && findings.length === 0; round += 1) {
    for (const [kind, play] of Object.entries(kinds)) {
      const { problems, transactions } = await play();
      counts[kind] = (counts[kind] ?? 0) + 1;
      console.log(
        `${Math.round((Date.now() - began) / 1000)} s: ${counts[kind]} ${kind}; ${transactions} transactions in this one`,
      );
      findings.push(...problems);
    }
    if (Date.now() - began > minutes * 60_000) break;
  }
  return { counts, findings, minutes: (Date.now() - began) / 60_000 };
}
