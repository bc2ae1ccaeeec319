/** Pages of the table, and their size in bytes. Transaction n writes page n modulo `pages`. */
export const pages = 32;
export const pageSize = 4096;

/** Transactions between two checkpoints, after which the log is empty. */
export const checkpoint = 100;

/** A line of the log, which commits the transaction. */
export function printRecord(n: number): string {
  return `${String(n).padStart(15, '0')}\n`;
}

/** A page of the table: the transaction that wrote it, over and over, so that a torn page shows. */
export function printPage(n: number): string {
  return printRecord(n).repeat(pageSize / 16);
}

/**
 * Recovers the database from the files of its log and its table, as after a power cut. Returns the last transaction that it has, and what is wrong with it;
 * every one up to the last must be there.
 */
export function recover(log: string, table: string): { readonly last: number; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const held = Array.from({ length: pages }, (_, page) => {
    const text = table.slice(page * pageSize, (page + 1) * pageSize);
    // The kernel may not have written a page yet that the log has.
    const n = Number(text.slice(0, 15).replaceAll('\0', ''));
    if (n !== 0 && text !== printPage(n)) problems.push(`page ${page} is torn: ${n} and others`);
    return n;
  });
  const newest = Math.max(...held);
  const records = log.split('\n').slice(0, -1).map(Number);
  for (const [index, n] of records.entries()) {
    if (index > 0 && n !== (records[index - 1] ?? 0) + 1) problems.push(`the log has ${n} after ${records[index - 1]}`);
    held[n % pages] = Math.max(n, held[n % pages] ?? 0);
  }
  const last = Math.max(...held);
  const committed = records.at(-1) ?? Math.floor(newest / checkpoint) * checkpoint;
  if (newest > committed) problems.push(`the table has ${newest}, and the log only ${committed}`);
  for (const [page, n] of held.entries()) {
    const wanted = last - ((last - page + pages) % pages);
    if (n !== Math.max(wanted, 0)) problems.push(`page ${page} has transaction ${n}, and ${wanted} was committed`);
  }
  return { last, problems };
}
