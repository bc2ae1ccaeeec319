/**
 * `npm run storm -- --seed N --minutes M`: random calls and disturbances on real LVM, for so long. `--rounds A-B` plays those rounds
 * of a seed alone; `--tally FILE` writes what was done. Exit code 1: something was lost, leaked or refused that must not be.
 */
import { parseArgs } from 'node:util';
import { writeLongRun } from '../support/long-run.ts';
import { replayCommand } from './report.ts';
import { runStorm, type StormResult } from './storm.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: `${Date.now() % 1_000_000}` },
    minutes: { type: 'string', default: '5' },
    rounds: { type: 'string' },
    quiet: { type: 'boolean', default: false },
    tally: { type: 'string' },
  },
});
const seed = wholeNumber('seed', values.seed);
const say = (line: string): void => {
  if (!values.quiet) console.log(line);
};

console.log(`seed ${seed}`);
const [first, last] = values.rounds === undefined ? [0, undefined] : parseRounds(values.rounds);
const began = Date.now();
const until = began + wholeNumber('minutes', values.minutes) * 60_000;
const result = await runStorm({
  seed,
  from: first,
  goesOn: (round) => (last === undefined ? Date.now() < until : round <= last),
  say,
});
console.log(described(result.counts));
await writeLongRun(values.tally, {
  tool: 'storm',
  seed,
  minutes: Math.round((Date.now() - began) / 60_000),
  counts: result.counts,
  findings: result.failure?.finding.problems ?? [],
});
if (result.failure) {
  process.exitCode = 1;
  console.log(result.failure.report);
  if (last === undefined) await shrink(result.failure.finding.round);
}

/** Plays the last 1, 2, 4 … rounds alone, until they fail too. */
async function shrink(round: number): Promise<void> {
  for (let length = 1; length <= round; length *= 2) {
    const from = round - length + 1;
    const { failure }: StormResult = await runStorm({
      seed,
      from,
      goesOn: (next) => next <= round,
      say: () => undefined,
    });
    if (!failure) continue;
    console.log(`shorter: ${replayCommand(seed, from, round)}\n${failure.finding.problems.join('\n')}`);
    return;
  }
  console.log('the last rounds alone do not fail');
}

function described(counts: StormResult['counts']): string {
  return Object.entries(counts)
    .map(([name, times]) => `${times} × ${name}`)
    .join(', ');
}

function wholeNumber(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Error(`--${name} "${text}" must be a whole number`);
}

function parseRounds(text: string): [number, number] {
  const [, from, to] = /^(\d+)-(\d+)$/.exec(text) ?? [];
  if (from === undefined || to === undefined) throw new Error(`--rounds "${text}" must be like 0-17`);
  return [Number(from), Number(to)];
}
