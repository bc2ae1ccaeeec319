import { markup, type Markup } from './markup.ts';
import { styleElement } from './page-style.ts';
import { attentionTable, nodeTable, poolTable, volumeTable } from './page-tables.ts';
import type { VolumeRecord } from './records.ts';
import { type Status, summaryOf } from './status.ts';

/** What the page shows, at one moment. */
export interface PageContent extends Status {
  readonly volumes: readonly VolumeRecord[];
  /** What could not be read. */
  readonly remarks: readonly string[];
  /** In ISO 8601. */
  readonly read: string;
}

/** The lists of the page, by their parameter in its address. */
export const lists = ['attention', 'nodes', 'pools', 'volumes'] as const;
type List = (typeof lists)[number];

/** The page of each list that is shown; the first is 1. */
export type Positions = Readonly<Record<List, number>>;

/** Rows of a list on one page. */
const mostRows = 100;

/** The whole document. */
export function statusPage(content: PageContent, positions: Positions): Markup {
  const { nodes, pools, volumes, attention, remarks, read } = content;
  return markup`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Quarry: status</title>
${styleElement}</head>
<body><main>
<h1>Quarry: status</h1>
<p>${summaryOf(nodes)} As the nodes last reported, read at ${read}. Load the page again for a later state.</p>
${remarks.map((remark) => markup`<p class="bad">${remark}</p>`)}
${listOf('attention', attention, positions, attentionTable)}
${listOf('nodes', nodes, positions, nodeTable)}
${listOf('pools', pools, positions, poolTable)}
${listOf('volumes', volumes, positions, volumeTable)}
<p>Jobs are known to their nodes only: <code>kubectl quarry jobs</code> lists them.</p>
</main></body></html>
`;
}

/** One page of a list, with links to the next and the previous. A page beyond the last is the last. */
function listOf<T>(list: List, all: readonly T[], positions: Positions, show: (rows: readonly T[]) => Markup): Markup {
  const last = Math.max(1, Math.ceil(all.length / mostRows));
  const page = Math.min(positions[list], last);
  const rows = show(all.slice((page - 1) * mostRows, page * mostRows));
  if (last === 1) return rows;
  const link = (to: number, text: string): Markup =>
    to < 1 || to > last ? markup`` : markup` <a href="${addressOf({ ...positions, [list]: to })}">${text}</a>`;
  const links = [link(page - 1, `Previous ${list}`), link(page + 1, `Next ${list}`)];
  return markup`${rows}<nav aria-label="Pages of ${list}">Page ${page} of ${last}.${links}</nav>`;
}

function addressOf(positions: Positions): string {
  return `/?${lists.map((list) => `${list}=${positions[list]}`).join('&')}`;
}
