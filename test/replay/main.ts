/**
 * `npm run replay -- --seed N --minutes M`: lets the driver do each operation once, and starts it on the disks of every cut of the log
 * of writes, for so long. `--operation NAME` plays one; `--most N` takes so many cuts of each; `--tally FILE` writes what was done.
 * Exit code 1: a cut was not recovered from.
 */
import { parseArgs } from 'node:util';
import { wholeNumber, writeLongRun } from '../support/long-run.ts';
import { operations } from './operations.ts';
import { runReplay } from './replay.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: `${Date.now() % 1_000_000}` },
    minutes: { type: 'string', default: '5' },
    operation: { type: 'string' },
    most: { type: 'string', default: '0' },
    tally: { type: 'string' },
  },
});
const seed = wholeNumber('seed', values.seed);
const minutes = wholeNumber('minutes', values.minutes);
const most = wholeNumber('most', values.most);
const names = operations.map(({ name }) => name).filter((name) => (values.operation ?? name) === name);
if (names.length === 0) throw new Error(`--operation must be one of ${operations.map(({ name }) => name).join(', ')}`);

console.log(`seed ${seed}`);
const began = Date.now();
// Each operation has its part of the time, and what those before it left.
const orders = names.map((operation, index) => ({
  operation,
  seed,
  most,
  until: began + ((index + 1) / names.length) * minutes * 60_000,
}));
const { counts, findings } = await runReplay(orders, (answer) => {
  if ('finding' in answer) console.log(answer.finding);
  if ('done' in answer) console.log(`${answer.done}: done after ${Math.round((Date.now() - began) / 1000)} s`);
});
console.log(counts);
await writeLongRun(values.tally, { tool: 'replay', seed, minutes, counts, findings });
if (findings.length > 0) process.exitCode = 1;
