import { expect, test } from 'vitest';
import { pages, pageSize, printPage, printRecord, recover } from '../../ledger/recovery.ts';

const logOf = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => printRecord(from + index)).join('');

/** After the transactions up to `last`, of which all are on the disk. */
function tableOf(last: number): string {
  const held = Array.from({ length: pages }, () => '\0'.repeat(pageSize));
  for (let n = 1; n <= last; n += 1) held[n % pages] = printPage(n);
  return held.join('');
}

test.each([
  ['before the first write to the table', logOf(1, 5), '', 5],
  ['with an empty log after a checkpoint', '', tableOf(100), 100],
  ['with a log that is newer than the table', logOf(101, 130), tableOf(100), 130],
  ['with pages that are newer than the checkpoint', logOf(101, 103), tableOf(102), 103],
  ['with half a record at the end', logOf(101, 103) + printRecord(104).slice(0, 7), tableOf(100), 103],
  ['of an empty database', '', '', 0],
])('a database is recovered %s', (_when, log, table, last) => {
  expect(recover(log, table)).toEqual({ last, problems: [] });
});

test.each([
  ['a page without its record', logOf(101, 103), tableOf(110), /the table has 110, and the log only 103/],
  ['a log with a gap', logOf(101, 103) + logOf(105, 106), tableOf(100), /the log has 105 after 103/],
  ['a torn page', '', tableOf(100).replace(printRecord(90), printRecord(58)), /is torn/],
  ['a log that is older than the table', logOf(1, 20), tableOf(60).replace(printPage(40), printPage(8)), /page 8 has/],
])('%s is found', (_what, log, table, problem) => {
  expect(recover(log, table).problems.join('; ')).toMatch(problem);
});
