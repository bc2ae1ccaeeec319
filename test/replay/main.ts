/**
 * `npm run replay -- --seed N --minutes M`: lets the driver do each operation once, and starts it on the disks of every cut of the log
 * of writes, for so long; with `--all` only until each cut after a write was taken once. `--operation NAME,NAME` plays only these; `--most N` takes so many cuts of each;
 * `--again N` cuts the power again at so many moments of each kind amid each recovery; `--guests N` plays in so
 * many microVMs at once (default: one a CPU); `--tally FILE` writes what was done, again after each operation.
 * Exit code 1: a cut was not recovered from.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { type LongRun, longRunOptions, wholeNumber, writeLongRun } from '../support/long-run.ts';
import { operations } from './operations.ts';
import type { Order } from './order.ts';
import { type ReplayResult, runReplay, sumOf } from './replay.ts';

const { values } = parseArgs({
  options: {
    ...longRunOptions(5),
    all: { type: 'boolean', default: false },
    operation: { type: 'string' },
    most: { type: 'string', default: '0' },
    again: { type: 'string', default: '0' },
    guests: { type: 'string', default: `${availableParallelism()}` },
  },
});
const seed = wholeNumber('seed', values.seed);
const minutes = wholeNumber('minutes', values.minutes);
const most = wholeNumber('most', values.most);
const again = wholeNumber('again', values.again);
const known = operations.map(({ name }) => name);
const names = values.operation?.split(',') ?? known;
if (!names.every((name) => known.includes(name))) throw new Error(`--operation must be of ${known.join(', ')}`);

console.log(`seed ${seed}`);
const began = Date.now();
/** Operations that ended before the time was over. */
const finished = new Set<string>();
let told: Pick<LongRun, 'counts' | 'findings' | 'operation'> = { counts: {}, findings: [] };
const lanes = Math.min(names.length, wholeNumber('guests', values.guests));
/** The file of the tally is written by one at a time. */
let written = Promise.resolve();
const results = await Promise.all(ordersOfGuests().map(play));
const left = names.filter((name) => !finished.has(name));
if (values.all && left.length > 0) console.log(`not finished: ${left.join(', ')}`);
console.log(told.counts);
console.log(summary());
await tally();
if (told.findings.length > 0) process.exitCode = 1;

/** Writes what was told until now, after what is being written. */
function tally(): Promise<void> {
  const run = { tool: 'replay', seed, minutes: (Date.now() - began) / 60_000, ...told };
  written = written.then(() => writeLongRun(values.tally, run));
  return written;
}

/** Each operation has its part of the time, and what those before it in the same guest left. With `--all` a guest that is done takes the next operation. */
function ordersOfGuests(): Iterator<Order>[] {
  const guests = Array.from({ length: lanes }, (_, lane) => lane);
  if (values.all) {
    const until = began + minutes * 60_000;
    const shared = names
      .values()
      .filter(() => Date.now() < until)
      .map((operation) => ({ operation, seed, most, again, until, once: true }));
    return guests.map(() => shared);
  }
  return guests.map((lane) => {
    const mine = names.filter((_name, index) => index % lanes === lane);
    const until = (index: number): number => began + ((index + 1) / mine.length) * minutes * 60_000;
    return mine
      .map((operation, index) => ({ operation, seed, most, again, until: until(index), once: false }))
      .values();
  });
}

/** Cuts an hour, over the time that the microVMs took together with their start, and where that time went. */
function summary(): string {
  const hours = (Date.now() - began) / 3_600_000;
  const times = sumOf(results.map((result) => result.times));
  const all = Object.values(times).reduce((sum, time) => sum + time, 0);
  const shares = Object.entries(times).map(([phase, time]) => `${phase} ${Math.round((100 * time) / all)} %`);
  return `${Math.round(cutsOf(told.counts) / hours)} cuts an hour; of the time: ${shares.join(', ')}`;
}

function cutsOf(done: Readonly<Record<string, number>>): number {
  const kinds = ['cuts after a write', 'cuts with a lost cache', 'cuts amid a recovery'];
  return kinds.reduce((sum, kind) => sum + (done[kind] ?? 0), 0);
}

/** In one guest. Prints what was done of each operation. */
function play(orders: Iterator<Order>): Promise<ReplayResult> {
  let done: Readonly<Record<string, number>> = {};
  let since = Date.now();
  return runReplay(orders, (answer) => {
    if ('built' in answer) since = Date.now();
    if ('finding' in answer) {
      console.log(answer.finding);
      const { finding, operation } = answer;
      told = { ...(operation !== undefined && { operation }), ...told, findings: [...told.findings, finding] };
    }
    if ('counts' in answer) {
      done = sumOf([done, answer.counts]);
      told = { ...told, counts: sumOf([told.counts, answer.counts]) };
    }
    if (!('done' in answer)) return;
    const seconds = Math.round((Date.now() - since) / 1000);
    if (Date.now() < began + minutes * 60_000) finished.add(answer.done);
    console.log(`${answer.done}: ${cutsOf(done)} cuts, ${done['recoveries'] ?? 0} of them played, in ${seconds} s`);
    done = {};
    since = Date.now();
    void tally();
  });
}
