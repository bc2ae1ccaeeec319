/**
 * `npm run storm -- --seed N --minutes M`: random calls and disturbances on real LVM, for so long. `--rounds A-B` plays those rounds
 * of a seed alone, `--skip` leaves actions of them out; `--roles apart` has node and controller on two machines; `--tally FILE` writes what was
 * done. Exit code 1: something was lost, leaked or refused that must not be.
 */
import { parseArgs } from 'node:util';
import { longRunOptions, wholeNumber, writeLongRun } from '../support/long-run.ts';
import { replayCommand } from './report.ts';
import { type Played, type Sequence, shrink } from './shrink.ts';
import type { Roles } from './site.ts';
import { runStorm, type StormResult } from './storm.ts';

const { values } = parseArgs({
  options: {
    ...longRunOptions(5),
    rounds: { type: 'string' },
    skip: { type: 'string' },
    roles: { type: 'string', default: 'together' },
    quiet: { type: 'boolean', default: false },
  },
});
const seed = wholeNumber('seed', values.seed);
const say = (line: string): void => {
  if (!values.quiet) console.log(line);
};

console.log(`seed ${seed}`);
const roles = parseRoles(values.roles);
const skip = values.skip?.split(',') ?? [];
const [first, last] = values.rounds === undefined ? [0, undefined] : parseRounds(values.rounds);
const began = Date.now();
const lasting = wholeNumber('minutes', values.minutes) * 60_000;
const result = await runStorm({
  seed,
  roles,
  skip,
  from: first,
  goesOn: (round) => (last === undefined ? Date.now() < began + lasting : round <= last),
  say,
});
console.log(described(result.counts));
await writeLongRun(values.tally, {
  tool: roles === 'apart' ? 'storm-apart' : 'storm',
  seed,
  minutes: Math.round((Date.now() - began) / 60_000),
  counts: result.counts,
  findings: result.failure?.finding.problems ?? [],
  ...(result.failure ? { round: result.failure.finding.round } : {}),
});
if (result.failure) {
  process.exitCode = 1;
  console.log(result.failure.report);
  if (last === undefined) await printShorter(result.failure.finding.round);
}

/** Looks for a shorter sequence for as long as the storm was to last. */
async function printShorter(round: number): Promise<void> {
  const until = Date.now() + lasting;
  let problems: readonly string[] = [];
  const play = async (sequence: Sequence): Promise<Played> => {
    const goesOn = (next: number): boolean => next <= sequence.to;
    const { failure, actions } = await runStorm({ ...sequence, seed, roles, goesOn, say: () => undefined });
    if (failure) problems = failure.finding.problems;
    return { failed: failure !== undefined, actions };
  };
  const shorter = await shrink(round, play, () => Date.now() < until);
  if (shorter) console.log(`shorter: ${replayCommand({ seed, roles }, shorter)}\n${problems.join('\n')}`);
  else console.log('the last rounds alone do not fail');
}

function described(counts: StormResult['counts']): string {
  return Object.entries(counts)
    .map(([name, times]) => `${times} × ${name}`)
    .join(', ');
}

function parseRoles(text: string): Roles {
  if (text === 'together' || text === 'apart') return text;
  throw new Error(`--roles "${text}" must be together or apart`);
}

function parseRounds(text: string): [number, number] {
  const [, from, to] = /^(\d+)-(\d+)$/.exec(text) ?? [];
  if (from === undefined || to === undefined) throw new Error(`--rounds "${text}" must be like 0-17`);
  return [Number(from), Number(to)];
}
