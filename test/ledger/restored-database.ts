/**
 * A query for what a database has: the rows of single transactions up to a number, the last of all rows, the sums that each transaction of pgbench
 * changes alike, and the number of these transactions.
 */
export const question = (before: number) => `SELECT concat_ws(' ', (SELECT count(*) FROM ledger WHERE n <= ${before}),
  (SELECT coalesce(max(n), 0) FROM ledger), (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(bbalance) FROM pgbench_branches),
  (SELECT sum(tbalance) FROM pgbench_tellers), (SELECT coalesce(sum(delta), 0) FROM pgbench_history), (SELECT count(*) FROM pgbench_history))`;

/** What is known of the database of which the snapshot was taken. */
interface Known {
  /** Rows that were acknowledged before the call, and after it. */
  readonly before: number;
  readonly after: number;
  /** Transactions of pgbench in the snapshot before this one. */
  readonly last: number;
}

/** What is wrong with a restored database, from the numbers that `question` asks for. */
export function problemsOf(answer: readonly number[], { before, after, last }: Known): string[] {
  const [rows = 0, newest = 0, accounts, branches, tellers, deltas, transactions = 0] = answer;
  const problems: string[] = [];
  if (rows !== before)
    problems.push(`${before} rows were acknowledged before the snapshot, and it has ${rows} of them`);
  // The last one may be committed and not acknowledged yet.
  if (newest > after + 1) problems.push(`it has row ${newest}, and only ${after} were acknowledged after it`);
  if (new Set([accounts, branches, tellers, deltas]).size > 1)
    problems.push(`a transaction is there in part: ${accounts}, ${branches}, ${tellers}, ${deltas}`);
  if (transactions < last)
    problems.push(`it has ${transactions} transactions of pgbench, and an earlier one has ${last}`);
  return problems;
}
