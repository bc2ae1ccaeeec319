/**
 * `npm run ledger -- --seed N --minutes M`: takes snapshots, and group snapshots, of databases that write without a pause, restores each, and compares it
 * with what the database had acknowledged. `--databases both,xfs`: only these. `--rounds N` ends after so many of each, if the minutes are not over before.
 * `--tally FILE` writes what was done, and for how long group snapshots paused writes. The seed is only recorded: nothing is random.
 * Exit code 1: a transaction was lost, or the order of writes did not hold.
 */
import { openLab } from '../../lab/lab.ts';
import { writeLongRun } from '../support/long-run.ts';
import { databaseNames, ledgerDisks, openLedgers } from './ledger.ts';
import { distribution, summaryOf } from './pauses.ts';
import { playRounds, readOptions } from './rounds.ts';

const options = readOptions(databaseNames);
const chosen = databaseNames.filter((name) => options.named.includes(name));

await using lab = await openLab();
const guest = await lab.boot({ disks: ledgerDisks });
const ledgers = await openLedgers(guest, chosen);
const kindOf = (name: string) => (name === 'both' ? 'group snapshots' : `snapshots of ${name}`);
const kinds = Object.fromEntries(chosen.map((name) => [kindOf(name), () => ledgers.round(name)]));
const { counts: done, findings, minutes } = await playRounds(options, kinds);
await ledgers.stop();
const pauses = ledgers.pauses();
const counts = { ...done, ...distribution(pauses) };
console.log(counts, ...findings, summaryOf(pauses));
await writeLongRun(options.tally, {
  tool: 'ledger',
  seed: options.seed,
  minutes: Math.round(minutes),
  counts,
  findings,
});
if (findings.length > 0) process.exitCode = 1;
