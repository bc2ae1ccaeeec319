/** `wide` is a table with more columns; `json` and `yaml` are for programs, and keep their shape. */
export const formats = ['table', 'wide', 'json', 'yaml'] as const;
/** One of `formats`. */
export type Format = (typeof formats)[number];

interface Column<R> {
  readonly heading: string;
  readonly cell: (record: R) => string;
  /** Shown with `-o wide` only. */
  readonly wide?: boolean;
}

/** How records are printed. */
export interface Rows<R extends object> {
  readonly columns: readonly Column<R>[];
  /** The fields of JSON and YAML, with their meaning. Sizes are numbers of bytes; an unknown value is absent. */
  readonly fields: { readonly [Field in keyof R & string]-?: string };
  /** Printed instead of a table without rows. */
  readonly none: string;
}

/** The result of a command that prints rows. */
export interface Listing<R extends object> {
  readonly records: readonly R[];
  /** Below a table, for people. */
  readonly footer?: string;
}

/** The whole output of a command, with the last line feed. */
export async function print<R extends object>(rows: Rows<R>, listing: Listing<R>, format: Format): Promise<string> {
  switch (format) {
    case 'json':
    case 'yaml':
      return printData(asData(rows, listing), format);
    case 'table':
    case 'wide':
      return printTable(rows, listing, format === 'wide');
  }
}

/** An object for programs, with the last line feed. */
export async function printData(data: object, format: 'json' | 'yaml'): Promise<string> {
  if (format === 'yaml') return (await import('yaml')).stringify(data);
  return `${JSON.stringify(data, exactNumber, 2)}\n`;
}

/** Wraps the list in an object, so that fields of the whole list can be added later. */
function asData<R extends object>({ fields }: Rows<R>, { records }: Listing<R>): { items: object[] } {
  const known = Object.keys(fields) as (keyof R)[];
  return { items: records.map((record) => Object.fromEntries(known.map((field) => [field, record[field]]))) };
}

/** Writes every digit: JSON's numbers have no limit, only JavaScript's end at 2^53. */
function exactNumber(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? exact.rawJSON(String(value)) : value;
}

/** TypeScript's library lacks `rawJSON`. */
const exact = JSON as unknown as { readonly rawJSON: (text: string) => object };

function printTable<R extends object>({ columns, none }: Rows<R>, listing: Listing<R>, wide: boolean): string {
  if (listing.records.length === 0) return `${none}\n`;
  const shown = columns.filter((column) => wide || column.wide !== true);
  const cells = listing.records.map((record) => shown.map(({ cell }) => cell(record)));
  const headings = shown.map(({ heading }) => heading);
  return table(headings, cells) + (listing.footer ?? '');
}

/** Columns are as wide as their widest cell; a column that is empty in every row is left out. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const shown = headings.map((_, column) => column).filter((column) => rows.some((row) => row[column]));
  const lines = [headings, ...rows].map((row) => shown.map((column) => harmless(row[column] ?? '')));
  const widths = shown.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  const padded = lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return padded.map((line) => `${line.trimEnd()}\n`).join('');
}

/** Replaces control characters: names come from other machines, and must not move the cursor or break a row. */
function harmless(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '\u{FFFD}');
}
