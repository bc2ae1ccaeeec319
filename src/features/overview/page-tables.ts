import { showRates } from '../../cli/rates.ts';
import type { Attention } from '../../domain/attention.ts';
import { formatBytes } from '../../domain/bytes.ts';
import { markup, type Markup } from './markup.ts';
import type { NodeRecord, PoolRecord, VolumeRecord } from './records.ts';
import { dataPercent, nameOf, reservedPercent } from './status.ts';

export function attentionTable(rows: readonly Attention[]): Markup {
  if (rows.length === 0) return markup`<h2>Attention</h2><p>Nothing needs attention.</p>`;
  return tableOf(
    'Needs attention',
    ['Where', 'Reason', 'What to do'],
    rows.map(({ node, pool, volume, claim, reason, message }) => [
      volume === undefined ? `${pool === undefined ? '' : `pool ${pool} on `}node ${node}` : nameOf(volume, claim),
      bad(reason),
      message,
    ]),
  );
}

export function nodeTable(rows: readonly NodeRecord[]): Markup {
  if (rows.length === 0) return markup`<h2>Nodes</h2><p>No node has connected to this controller.</p>`;
  return tableOf(
    'Nodes',
    ['Node', 'Connected', 'Volumes', 'Snapshots', 'Size', 'Free'],
    rows.map(({ node, connected, since, volumes, snapshots, size, free }) => [
      node,
      connected ? 'yes' : bad(`no, since ${since}`),
      volumes,
      snapshots,
      formatBytes(size),
      formatBytes(free),
    ]),
  );
}

export function poolTable(rows: readonly PoolRecord[]): Markup {
  if (rows.length === 0) return markup`<h2>Pools</h2><p>No pool.</p>`;
  return tableOf(
    'Pools',
    ['Pool', 'Node', 'Size', 'Volumes', 'Data', 'Metadata', 'I/O reserved'],
    rows.map((pool) => [
      pool.pool,
      pool.connected ? pool.node : `${pool.node} (disconnected)`,
      pool.size === undefined ? bad('not ready') : formatBytes(pool.size),
      pool.volumes,
      meter('data in use', dataPercent(pool)),
      meter('metadata in use', pool.thin?.metadataPercent),
      meter('reserved of the I/O budget', reservedPercent(pool)),
    ]),
  );
}

export function volumeTable(rows: readonly VolumeRecord[]): Markup {
  if (rows.length === 0) return markup`<h2>Volumes</h2><p>No volume.</p>`;
  return tableOf(
    'Volumes',
    ['Claim or id', 'Node', 'Pool', 'Type', 'Size', 'Limits', 'Reserved', 'Attention'],
    rows.map((volume) => [
      ownerOf(volume),
      volume.node,
      volume.pool,
      volume.type,
      formatBytes(volume.size),
      showRates(volume.limits),
      showRates(volume.reserved),
      bad([...(volume.state === 'ready' ? [] : [volume.state]), ...volume.conditions.map((one) => one.reason)].join()),
    ]),
  );
}

/** The claim or the pod that has the volume; else its id. */
function ownerOf({ id, namespace, claim, pod }: VolumeRecord): string {
  if (claim !== undefined) return `${namespace}/${claim}`;
  return pod === undefined ? id : `pod ${namespace}/${pod}`;
}

function bad(text: string): Markup {
  return markup`<span class="bad">${text}</span>`;
}

/** Empty for what is not known. */
function meter(label: string, percent: number | undefined): Markup {
  if (percent === undefined) return markup``;
  const text = `${Math.floor(percent)} %`;
  const value = Math.min(100, percent);
  return markup`<meter min="0" max="100" value="${value}" aria-label="${label}: ${text}">${text}</meter> ${text}`;
}

type Cell = string | number | Markup;

/** The first cell of a row is its heading. A table that is wider than the screen scrolls by keyboard, too. */
function tableOf(caption: string, headings: readonly string[], rows: readonly (readonly Cell[])[]): Markup {
  const cells = (row: readonly Cell[]): Markup[] =>
    row.map((cell, column) => (column === 0 ? markup`<th scope="row">${cell}</th>` : markup`<td>${cell}</td>`));
  return markup`<div class="wide" role="region" aria-label="${caption}" tabindex="0"><table><caption>${caption}</caption>
<thead><tr>${headings.map((heading) => markup`<th scope="col">${heading}</th>`)}</tr></thead>
<tbody>${rows.map((row) => markup`<tr>${cells(row)}</tr>\n`)}</tbody></table></div>`;
}
