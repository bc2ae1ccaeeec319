/**
 * `npm run parsers -- --seed N --minutes M`: feeds everything that reads bytes of other programs, disks and users with changed examples. `--inputs K` ends after so many;
 * `--tally FILE` writes what was done. Exit code 1: a parser threw what it does not say, made something wrong, or did not end.
 */
import { parseArgs } from 'node:util';
import { longRunOptions, wholeNumber, writeLongRun } from '../support/long-run.ts';
import { feed } from './feed.ts';

const { values } = parseArgs({
  options: {
    ...longRunOptions(5),
    inputs: { type: 'string' },
  },
});
const seed = wholeNumber('seed', values.seed);
console.log(`seed ${seed}`);
const began = Date.now();
const { inputs, findings } = await feed(
  values.inputs === undefined
    ? { seed, until: began + wholeNumber('minutes', values.minutes) * 60_000, most: Number.POSITIVE_INFINITY }
    : { seed, until: Number.POSITIVE_INFINITY, most: wholeNumber('inputs', values.inputs) },
);
const minutes = (Date.now() - began) / 60_000;
console.log(`${inputs} inputs in ${Math.round(minutes * 60)} s`);
await writeLongRun(values.tally, { tool: 'parsers', seed, minutes, counts: { inputs }, findings });
if (findings.length > 0) {
  process.exitCode = 1;
  console.log(findings.join('\n'));
  console.log(`to play it again: npm run parsers -- --seed ${seed} --inputs ${inputs}`);
}
