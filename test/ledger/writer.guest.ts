import { fdatasyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { checkpoint, pages, pageSize, printPage, printRecord } from './recovery.ts';

// A small database in a guest, until it is killed. Arguments: the files of its log, of its table, and of the last number that it has acknowledged.

const [log, table, acknowledged] = process.argv.slice(2).map((path) => openSync(path, 'w')) as [number, number, number];
let at = 0;
for (let n = 1; ; n += 1) {
  at += writeSync(log, printRecord(n), at);
  fdatasyncSync(log);
  writeSync(acknowledged, String(n).padStart(16, '0'), 0);
  if (n === 1) console.log('written');
  writeSync(table, printPage(n), (n % pages) * pageSize);
  if (n % checkpoint !== 0) continue;
  fdatasyncSync(table);
  ftruncateSync(log, 0);
  fdatasyncSync(log);
  at = 0;
}
