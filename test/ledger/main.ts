/**
 * `npm run ledger -- --seed N --minutes M`: takes snapshots, and group snapshots, of databases that write without a pause, restores each, and compares it
 * with what the database had acknowledged. `--tally FILE` writes what was done. The seed is only recorded: nothing is random.
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
    tally: { type: 'string' },
  },
});
const seed = wholeNumber('seed', values.seed);
const minutes = wholeNumber('minutes', values.minutes);
const until = Date.now() + minutes * 60_000;

await using lab = await openLab();
const guest = await lab.boot({ disks: ledgerDisks });
const ledgers = await openLedgers(guest);
const counts: Record<string, number> = {};
const findings: string[] = [];
while (Date.now() < until && findings.length === 0) {
  for (const name of databaseNames) {
    const { problems } = await ledgers.round(name);
    const kind = name === 'both' ? 'group snapshots' : `snapshots of ${name}`;
    counts[kind] = (counts[kind] ?? 0) + 1;
    findings.push(...problems);
  }
}
const pauses = await ledgers.pauses();
await ledgers.stop();
console.log(counts, ...findings);
console.log(pauses.join('\n'));
await writeLongRun(values.tally, { tool: 'ledger', seed, minutes, counts, findings });
if (findings.length > 0) process.exitCode = 1;
