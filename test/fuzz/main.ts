/**
 * `npm run fuzz -- --seed N --minutes M | --requests K`: hostile requests to the driver. Exit code 1: an answer was wrong, or something was
 * made, lost or left that no request asked for.
 */
import { parseArgs } from 'node:util';
import { longRunOptions, wholeNumber, writeLongRun } from '../support/long-run.ts';
import { runFuzz } from './fuzz.ts';

const { values } = parseArgs({
  options: {
    ...longRunOptions(5),
    requests: { type: 'string' },
  },
});
const seed = wholeNumber('seed', values.seed);
const minutes = wholeNumber('minutes', values.minutes);
const most = values.requests === undefined ? undefined : wholeNumber('requests', values.requests);
console.log(`seed ${seed}`);
const began = Date.now();
const goesOn = (sent: number): boolean => (most === undefined ? Date.now() - began < minutes * 60_000 : sent < most);
const { counts, codes, findings, growth } = await runFuzz({ seed, goesOn });
for (const [answer, times] of [...codes].sort(([a], [b]) => a.localeCompare(b)))
  console.log(`${String(times).padStart(8)} ${answer}`);
const requests = Object.values(counts).reduce((sum, count) => sum + count, 0);
const seconds = Math.round((Date.now() - began) / 1000);
console.log(`${requests} requests in ${seconds} s, the heap has grown by ${growth} bytes: ${JSON.stringify(counts)}`);
await writeLongRun(values.tally, {
  tool: 'fuzz',
  seed,
  minutes: seconds / 60,
  counts: { requests, ...counts },
  findings,
});
if (findings.length > 0) {
  process.exitCode = 1;
  console.log(findings.join('\n'));
  console.log(`to play it again: npm run fuzz -- --seed ${seed} --requests ${requests}`);
}
