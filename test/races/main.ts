/**
 * `npm run races -- --seed N --minutes M`: random interleavings of calls and troubles, a seed after the other from N on, for so long.
 * `--seeds COUNT` plays so many; `--calls K` only the first calls of each; `--tally FILE` writes what was done. Exit code 1: callers were
 * given answers that no order of their calls explains.
 */
import { parseArgs } from 'node:util';
import { longRunOptions, wholeNumber, writeLongRun } from '../support/long-run.ts';
import { play } from './play.ts';

const { values } = parseArgs({
  options: {
    ...longRunOptions(1),
    seeds: { type: 'string' },
    calls: { type: 'string' },
  },
});
const seed = wholeNumber('seed', values.seed);
const count = values.seeds === undefined ? Infinity : wholeNumber('seeds', values.seeds);
const calls = values.calls === undefined ? undefined : wholeNumber('calls', values.calls);
const began = Date.now();
const until = began + wholeNumber('minutes', values.minutes) * 60_000;

console.log(`seed ${seed}`);
const { counts, reports, findings } = await play({
  seed,
  calls,
  goesOn: (done) => done < count && (count !== Infinity || Date.now() < until),
});
const counted = Object.entries(counts).map(([name, times]) => `${times} × ${name}`);
console.log([...reports, counted.join(', ')].join('\n'));
if (findings.length > 0) process.exitCode = 1;
const minutes = Math.round((Date.now() - began) / 60_000);
await writeLongRun(values.tally, { tool: 'races', seed, minutes, counts, findings });
