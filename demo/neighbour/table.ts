import type { Measured } from './load.ts';

const headings = ['', 'reads a second', 'p99 of a read', 'writer'];

/** The headings, and a line for each row. */
export function printRows(rows: readonly (readonly [string, Measured])[]): string[] {
  const cells = [headings, ...rows.map(([name, measured]) => [name, ...wordsOf(measured)])];
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map(([name = '', ...values]) =>
    [name.padEnd(widths[0] ?? 0), ...values.map((value, at) => value.padStart(widths[at + 1] ?? 0))].join('   '),
  );
}

export function wordsOf({ reads, p99, written }: Measured): [reads: string, p99: string, written: string] {
  const writer = written === 0 ? '–' : `${Math.round(written / 2 ** 20).toLocaleString('en')} MiB/s`;
  return [Math.round(reads).toLocaleString('en'), `${p99.toFixed(1)} ms`, writer];
}
