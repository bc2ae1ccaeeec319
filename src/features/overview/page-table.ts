import { type Rates, rateKeys } from '../../domain/qos.ts';
import { formatExactly } from '../../domain/bytes.ts';
import { markup, type Markup } from './markup.ts';

/** A list of the page, with its heading. */
export interface Section<T> {
  /** Of the heading, for links. */
  readonly id: string;
  readonly title: string;
  /** Instead of rows where there are none. */
  readonly none: string;
  /** The first is the heading of its row. */
  readonly columns: readonly { readonly heading: string; readonly cell: (row: T) => string | number | Markup }[];
}

/**
 * @param all how many rows the list has; `rows` may be one page of them.
 * The roles are those of a table anyway, but a browser drops them where the style shows rows as blocks.
 */
export function sectionOf<T>(
  { id, title, none, columns }: Section<T>,
  rows: readonly T[],
  all: number,
  after: Markup,
): Markup {
  const heading = markup`<h2 id="${id}">${title}${all === 0 ? markup`` : markup` <small>${all}</small>`}</h2>`;
  if (rows.length === 0) return markup`<section>${heading}<p class="faint">${none}</p></section>\n`;
  const headings = columns.map((column) => markup`<th scope="col" role="columnheader">${column.heading}</th>`);
  const cells = (row: T): Markup[] =>
    columns.map(({ heading: name, cell }, column) =>
      column === 0
        ? markup`<th scope="row" role="rowheader">${cell(row)}</th>`
        : markup`<td role="cell" data-heading="${name}">${cell(row)}</td>`,
    );
  return markup`<section>${heading}<table role="table" aria-labelledby="${id}">
<thead role="rowgroup"><tr role="row">${headings}</tr></thead>
<tbody role="rowgroup">${rows.map((row) => markup`<tr role="row">${cells(row)}</tr>\n`)}</tbody></table>${after}</section>
`;
}

/** A time in ISO 8601, shorter; any other text as it is. */
export function moment(text: string): string {
  return text.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$/, '$1 $2 UTC');
}

/** A text that stays on one line, with figures of equal width. */
export function figure(text: string): Markup {
  return text === '' ? markup`` : markup`<span class="figure">${text}</span>`;
}

export function bad(text: string): Markup {
  return markup`<span class="bad">${text}</span>`;
}

/** One mark for each reason. */
export function tags(reasons: readonly string[]): Markup {
  return parts(reasons.map((reason) => markup`<span class="tag">${reason}</span>`));
}

/** A line for each; nothing for none. */
function parts(lines: readonly Markup[]): Markup {
  return lines.length === 0
    ? markup``
    : markup`<span class="parts">${lines.map((line) => markup`<span>${line}</span>`)}</span>`;
}

/** A bar that turns to a warning colour at 80 % and to that of a failure at 95 %; empty for what is not known. */
export function meter(label: string, percent: number | undefined): Markup {
  if (percent === undefined) return markup``;
  const text = `${Math.floor(percent)} %`;
  const value = Math.min(100, percent);
  return markup`<span class="figure"><meter min="0" low="80" high="95" optimum="0" max="100" value="${value}" aria-label="${label}: ${text}">${text}</meter>${text}</span>`;
}

/** A bar of one colour. */
export function progress(label: string, percent: number): Markup {
  const text = `${percent} %`;
  return markup`<span class="figure"><progress max="100" value="${percent}" aria-label="${label}: ${text}">${text}</progress>${text}</span>`;
}

/** `read 500/s` and `write 10 MiB/s`, a line each. */
export function rateLines(rates: Rates, format = formatExactly): Markup {
  const lines = rateKeys.flatMap((key) => {
    const rate = rates[key];
    if (rate === undefined) return [];
    const amount = key.endsWith('Iops') ? `${rate} IOPS` : `${format(rate)}/s`;
    return [figure(`${key.startsWith('read') ? 'read' : 'write'} ${amount}`)];
  });
  return parts(lines);
}
