/**
 * `npm run ledger -- --seed N --minutes M`: takes snapshots, and group snapshots, of databases that write without a pause, restores each, and compares it
 * with what the database had acknowledged. `--databases both,xfs`: only these. `--tally FILE` writes what was done. The seed is only
 * recorded: nothing is random. At the end it prints for how long the group snapshots paused writes.
 * Exit code 1: a transaction was lost, or the order of writes did not hold.
 */
import { parseArgs } from 'node:util';
import { openLab } from '../../lab/lab.ts';
import { wholeNumber, writeLongRun } from '../support/long-run.ts';
import { databaseNames, ledgerDisks, openLedgers } from './ledger.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '0' },
    minutes: { type: 'string', default: '5' },
    databases: { type: 'string', default: databaseNames.join() },
    tally: { type: 'string' },
  },
});
const seed = wholeNumber('seed', values.seed);
const minutes = wholeNumber('minutes', values.minutes);
const chosen = databaseNames.filter((name) => values.databases.split(',').includes(name));
if (chosen.join() === '') throw new Error(`--databases "${values.databases}" has none of ${databaseNames.join()}`);
const until = Date.now() + minutes * 60_000;

await using lab = await openLab();
const guest = await lab.boot({ disks: ledgerDisks });
const ledgers = await openLedgers(guest);
const counts: Record<string, number> = {};
const findings: string[] = [];
while (Date.now() < until && findings.length === 0) {
  for (const name of chosen) {
    const { problems } = await ledgers.round(name);
    const kind = name === 'both' ? 'group snapshots' : `snapshots of ${name}`;
    counts[kind] = (counts[kind] ?? 0) + 1;
    findings.push(...problems);
  }
}
await ledgers.stop();
console.log(counts, ...findings);
const pauses = ledgers.pauses().toSorted((a, b) => a - b);
const at = (share: number) => pauses[Math.ceil(pauses.length * share) - 1];
if (pauses.length > 0)
  console.log(`writes were paused ${pauses.length} times: median ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`);
await writeLongRun(values.tally, { tool: 'ledger', seed, minutes, counts, findings });
if (findings.length > 0) process.exitCode = 1;
