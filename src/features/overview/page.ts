import { markup, type Markup } from './markup.ts';
import { styleElement } from './page-style.ts';
import { attentionSection, jobSection, nodeSection, poolSection, volumeSection } from './page-sections.ts';
import { moment, type Section, sectionOf } from './page-table.ts';
import type { JobRecord, VolumeRecord } from './records.ts';
import { type Status, summaryOf } from './status.ts';

/** What the page shows, at one moment. */
export interface PageContent extends Status {
  readonly volumes: readonly VolumeRecord[];
  readonly jobs: readonly JobRecord[];
  /** What could not be read. */
  readonly remarks: readonly string[];
  /** In ISO 8601. */
  readonly read: string;
}

/** The lists of the page, by their parameter in its address. */
export const lists = ['attention', 'jobs', 'nodes', 'pools', 'volumes'] as const;
type List = (typeof lists)[number];

/** The page of each list that is shown; the first is 1. */
export type Positions = Readonly<Record<List, number>>;

/** Rows of a list on one page. */
const mostRows = 100;

/** The whole document. */
export function statusPage(content: PageContent, positions: Positions): Markup {
  const { nodes, pools, volumes, jobs, attention, remarks, read } = content;
  return markup`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Quarry: status</title>
${styleElement}</head>
<body><header>
<h1>Quarry</h1>
<p>${summaryOf(nodes)}</p>
<p class="faint">As the nodes last reported, read at ${moment(read)}. Load the page again for a later state.</p>
${tiles(content)}
${remarks.map((remark) => markup`<p class="remark">${remark}</p>`)}</header>
<main>
${listOf('attention', attention, positions, attentionSection)}
${listOf('jobs', jobs, positions, jobSection)}
${listOf('nodes', nodes, positions, nodeSection)}
${listOf('pools', pools, positions, poolSection)}
${listOf('volumes', volumes, positions, volumeSection)}
</main></body></html>
`;
}

/** How many there are of each, with links to their lists: also the shortest way to these by keyboard. */
function tiles(content: PageContent): Markup {
  const { attention } = content;
  const title = {
    attention: 'need attention',
    nodes: 'nodes',
    pools: 'pools',
    volumes: 'volumes',
    jobs: 'jobs',
  } as const;
  const tile = (list: List): Markup => {
    const count = content[list].length;
    const number =
      list === 'attention' && attention.length > 0
        ? markup`<strong class="bad">${count}</strong>`
        : markup`<strong>${count}</strong>`;
    return markup`<li><a href="#${list}">${number} ${title[list]}</a></li>`;
  };
  return markup`<ul class="tiles">${lists.map(tile)}</ul>`;
}

/** One page of a list, with links to the next and the previous. A page beyond the last is the last. */
function listOf<T>(list: List, all: readonly T[], positions: Positions, section: Section<T>): Markup {
  const last = Math.max(1, Math.ceil(all.length / mostRows));
  const page = Math.min(positions[list], last);
  const rows = all.slice((page - 1) * mostRows, page * mostRows);
  const link = (to: number, text: string): Markup =>
    to < 1 || to > last ? markup`` : markup` <a href="${addressOf({ ...positions, [list]: to })}#${list}">${text}</a>`;
  const links = [link(page - 1, `Previous ${list}`), link(page + 1, `Next ${list}`)];
  const pages =
    last === 1 ? markup`` : markup`<nav aria-label="Pages of ${list}">Page ${page} of ${last}.${links}</nav>`;
  return sectionOf(section, rows, all.length, pages);
}

function addressOf(positions: Positions): string {
  return `/?${lists.map((list) => `${list}=${positions[list]}`).join('&')}`;
}
