/**
 * `npm run ledger:postgres -- --seed N --minutes M`: takes snapshots of a PostgreSQL under pgbench on a thin volume, then on a thick one, then with its data and
 * its write-ahead log apart, a third of the time each; starts another PostgreSQL on what is restored from each, and compares it with what was acknowledged.
 * `--databases thin,apart`: only these. `--rounds N` ends each after so many. `--tally FILE` writes what was done. The seed is only recorded: nothing is random.
 * Exit code 1: an acknowledged transaction was lost, or one was there in part.
 */
import { openLab } from '../../lab/lab.ts';
import { writeLongRun } from '../support/long-run.ts';
import { distribution, pausesIn, summaryOf } from './pauses.ts';
import { layoutNames, openPostgres, postgresDisks } from './postgres.ts';
import { unpackPostgres } from './programs.ts';
import { playRounds, readOptions } from './rounds.ts';

const options = readOptions(layoutNames);
const kinds: Readonly<Record<string, string>> = {
  thin: 'snapshots of PostgreSQL on a thin volume',
  thick: 'snapshots of PostgreSQL on a thick volume',
  apart: 'group snapshots of PostgreSQL',
};

await using lab = await openLab();
await using programs = await unpackPostgres();
const guest = await lab.boot({ disks: postgresDisks, shares: [programs.share] });
const site = await openPostgres(guest);
const done: Record<string, number> = {};
const findings: string[] = [];
let minutes = 0;
let [rows, transactions] = [0, 0];
for (const layout of options.named) {
  const database = await site.begin(layout);
  const part = { most: options.most, minutes: options.minutes / options.named.length };
  const played = await playRounds(part, { [kinds[layout] ?? layout]: () => database.round() });
  Object.assign(done, played.counts);
  findings.push(...played.findings.map((finding) => `${layout}: ${finding}`));
  minutes += played.minutes;
  if (findings.length > 0) break;
  const ended = await database.end();
  rows += ended.rows;
  transactions += ended.transactions;
}
const pauses = pausesIn(site.log());
const counts = { ...done, 'acknowledged rows': rows, 'transactions of pgbench': transactions, ...distribution(pauses) };
console.log(counts, ...findings, summaryOf(pauses));
const run = { tool: 'ledger-postgres', seed: options.seed, minutes: Math.round(minutes), counts, findings };
await writeLongRun(options.tally, run);
if (findings.length > 0) process.exitCode = 1;
