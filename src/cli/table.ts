/** Columns as wide as their widest cell; columns that are empty in every row are left out. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const shown = headings.map((_, column) => column).filter((column) => rows.some((row) => row[column]));
  const lines = [headings, ...rows].map((row) => shown.map((column) => row[column] ?? ''));
  const widths = shown.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}
