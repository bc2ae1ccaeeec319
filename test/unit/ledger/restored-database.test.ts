import { expect, test } from 'vitest';
import { problemsOf } from '../../ledger/restored-database.ts';

const known = { before: 100, after: 120, last: 50 };
const whole = [100, 110, 7, 7, 7, 7, 60];

test.each([
  ['as far as the call', whole],
  ['with a row that is committed and not acknowledged yet', [100, 121, 7, 7, 7, 7, 50]],
])('a database that was restored %s has no problem', (_what, answer) => {
  expect(problemsOf(answer, known)).toEqual([]);
});

test.each([
  ['a row that is lost', [99, 110, 7, 7, 7, 7, 60], /100 rows were acknowledged before the snapshot, and it has 99/],
  ['a row of later', [100, 122, 7, 7, 7, 7, 60], /it has row 122, and only 120/],
  ['a transaction in part', [100, 110, 7, 7, 8, 7, 60], /in part: 7, 7, 8, 7/],
  ['a database older than the one before', [100, 110, 7, 7, 7, 7, 49], /it has 49 transactions of pgbench/],
])('%s is found', (_what, answer, problem) => {
  expect(problemsOf(answer, known).join('; ')).toMatch(problem);
});
