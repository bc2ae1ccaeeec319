/**
 * `npm run ledger -- --seed N --minutes M`: takes snapshots, and group snapshots, of databases that write without a pause, restores each, and compares it
 * with what the database had acknowledged. `--databases both,xfs`: only these. `--rounds N` ends after so many of each, if the minutes are not over before.
 * `--tally FILE` writes what was done, and for how long group snapshots paused writes. The seed is only recorded: nothing is random.
 * Exit code 1: a transaction was lost, or the order of writes did not hold.
 */
import { parseArgs } from 'node:util';
import { openLab } from '../../lab/lab.ts';
import { wholeNumber, writeLongRun } from '../support/long-run.ts';
import { databaseNames, ledgerDisks, openLedgers } from './ledger.ts';
import { distribution, summaryOf } from './pauses.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '0' },
    minutes: { type: 'string', default: '5' },
    rounds: { type: 'string' },
    databases: { type: 'string', default: databaseNames.join() },
    tally: { type: 'string' },
  },
});
const seed = wholeNumber('seed', values.seed);
const minutes = wholeNumber('minutes', values.minutes);
const most = values.rounds === undefined ? Infinity : wholeNumber('rounds', values.rounds);
const chosen = databaseNames.filter((name) => values.databases.split(',').includes(name));
if (chosen.join() === '') throw new Error(`--databases "${values.databases}" has none of ${databaseNames.join()}`);
const began = Date.now();
const until = began + minutes * 60_000;

await using lab = await openLab();
const guest = await lab.boot({ disks: ledgerDisks });
const ledgers = await openLedgers(guest);
const counts: Record<string, number> = {};
const findings: string[] = [];
for (let round = 0; round < most && Date.now() < until && findings.length === 0; round += 1) {
  for (const name of chosen) {
    const { problems } = await ledgers.round(name);
    const kind = name === 'both' ? 'group snapshots' : `snapshots of ${name}`;
    counts[kind] = (counts[kind] ?? 0) + 1;
    findings.push(...problems);
  }
}
await ledgers.stop();
const pauses = ledgers.pauses();
const done = { ...counts, ...distribution(pauses) };
console.log(done, ...findings, summaryOf(pauses));
const used = Math.round((Date.now() - began) / 60_000);
await writeLongRun(values.tally, { tool: 'ledger', seed, minutes: used, counts: done, findings });
if (findings.length > 0) process.exitCode = 1;
