/**
 * `npm run replay -- --seed N --minutes M`: lets the driver do each operation once, and starts it on the disks of every cut of the log
 * of writes, for so long. `--operation NAME,NAME` plays only these; `--most N` takes so many cuts of each; `--guests N` plays in so
 * many microVMs at once (default: one a CPU); `--tally FILE` writes what was done.
 * Exit code 1: a cut was not recovered from.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { wholeNumber, writeLongRun } from '../support/long-run.ts';
import { operations } from './operations.ts';
import { type ReplayResult, runReplay, sumOf } from './replay.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: `${Date.now() % 1_000_000}` },
    minutes: { type: 'string', default: '5' },
    operation: { type: 'string' },
    most: { type: 'string', default: '0' },
    guests: { type: 'string', default: `${availableParallelism()}` },
    tally: { type: 'string' },
  },
});
const seed = wholeNumber('seed', values.seed);
const minutes = wholeNumber('minutes', values.minutes);
const most = wholeNumber('most', values.most);
const known = operations.map(({ name }) => name);
const names = values.operation?.split(',') ?? known;
if (!names.every((name) => known.includes(name))) throw new Error(`--operation must be of ${known.join(', ')}`);

console.log(`seed ${seed}`);
const began = Date.now();
const lanes = Math.min(names.length, wholeNumber('guests', values.guests));
const parts = Array.from({ length: lanes }, (_, lane) => names.filter((_name, index) => index % lanes === lane));
const results = await Promise.all(parts.map(play));
const counts = sumOf(results.map((result) => result.counts));
const findings = results.flatMap((result) => result.findings);
console.log(counts);
console.log(summary());
await writeLongRun(values.tally, { tool: 'replay', seed, minutes, counts, findings });
if (findings.length > 0) process.exitCode = 1;

/** Cuts an hour, over the time that the microVMs took together with their start, and where that time went. */
function summary(): string {
  const cuts = (counts['cuts after a write'] ?? 0) + (counts['cuts with a lost cache'] ?? 0);
  const hours = (Date.now() - began) / 3_600_000;
  const times = sumOf(results.map((result) => result.times));
  const all = Object.values(times).reduce((sum, time) => sum + time, 0);
  const shares = Object.entries(times).map(([phase, time]) => `${phase} ${Math.round((100 * time) / all)} %`);
  return `${Math.round(cuts / hours)} cuts an hour; of the time: ${shares.join(', ')}`;
}

/** In one guest. Each operation has its part of the time, and what those before it left. */
function play(mine: readonly string[]): Promise<ReplayResult> {
  const orders = mine.map((operation, index) => ({
    operation,
    seed,
    most,
    until: began + ((index + 1) / mine.length) * minutes * 60_000,
  }));
  return runReplay(orders, (answer) => {
    if ('finding' in answer) console.log(answer.finding);
    if ('done' in answer) console.log(`${answer.done}: done after ${Math.round((Date.now() - began) / 1000)} s`);
  });
}
