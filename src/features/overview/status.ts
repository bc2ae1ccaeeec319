import { attentionOf, type Attention } from '../../domain/attention.ts';
import { withFleet } from './fleet-calls.ts';
import type { Terminal } from '../../cli/command.ts';
import { type Format, printData, table } from '../../cli/output.ts';
import { rateKeys } from '../../domain/qos.ts';
import type { NodeRecord, PoolRecord } from './records.ts';
import { formatBytes } from '../../domain/bytes.ts';

/** The fleet at one moment. */
export interface Status {
  readonly nodes: readonly NodeRecord[];
  readonly pools: readonly PoolRecord[];
  readonly attention: readonly Attention[];
}

interface Given {
  readonly config: string;
  readonly output: Format;
}

/** Asks the controller of this machine, and prints all of it. */
export async function showStatus({ config, output }: Given, terminal: Terminal): Promise<string> {
  return withFleet(config, terminal, async (fleet) => {
    const [nodes, pools, volumes] = [await fleet.nodes(), await fleet.pools(), await fleet.volumes()];
    const status = { nodes, pools, attention: attentionOf(nodes, pools, volumes, await fleet.notices()) };
    return output === 'json' || output === 'yaml' ? printData(status, output) : statusText(status);
  });
}

/** For people. */
export function statusText({ nodes, pools, attention }: Status): string {
  return [`${summaryOf(nodes)}\n`, poolTable(pools), attentionText(attention)].filter((part) => part !== '').join('\n');
}

/** Counts, in one line. */
export function summaryOf(nodes: readonly NodeRecord[]): string {
  const connected = nodes.filter((node) => node.connected).length;
  const away = nodes.length - connected;
  const volumes = nodes.reduce((total, node) => total + node.volumes, 0);
  const snapshots = nodes.reduce((total, node) => total + node.snapshots, 0);
  const disconnected = away === 0 ? '' : `, ${away} disconnected`;
  return `Nodes: ${connected} connected${disconnected}. Volumes: ${volumes}. Snapshots: ${snapshots}.`;
}

function poolTable(pools: readonly PoolRecord[]): string {
  if (pools.length === 0) return 'No pool.\n';
  const headings = ['NODE', 'POOL', 'SIZE', 'VOLUMES', 'DATA', 'METADATA', 'I/O RESERVED'];
  const rows = pools.map((pool) => [
    pool.connected ? pool.node : `${pool.node} (disconnected)`,
    pool.pool,
    pool.size === undefined ? 'not ready' : formatBytes(pool.size),
    String(pool.volumes),
    bar(dataPercent(pool)),
    bar(pool.thin?.metadataPercent),
    bar(reservedPercent(pool)),
  ]);
  return table(headings, rows);
}

/** Of a thin pool, its blocks in use; of any other, the bytes that logical volumes have. */
export function dataPercent({ thin, size, free }: PoolRecord): number | undefined {
  if (thin) return thin.dataPercent;
  if (size === undefined || free === undefined || size === 0n) return undefined;
  return (Number(size - free) / Number(size)) * 100;
}

/** Of the rate of which most is reserved. */
export function reservedPercent({ budget }: PoolRecord): number | undefined {
  if (!budget) return undefined;
  const parts = rateKeys.flatMap((key) => {
    const all = budget.reservable[key];
    return all === undefined ? [] : [(Number(budget.reserved[key] ?? 0n) / Number(all)) * 100];
  });
  return Math.max(0, ...parts);
}

const barWidth = 10;

/** `[###.......] 31 %`; empty for what is not known. Only an empty bar is at 0, and only a full one at 100. */
function bar(percent: number | undefined): string {
  if (percent === undefined) return '';
  const most = percent >= 100 ? barWidth : barWidth - 1;
  const filled = percent <= 0 ? 0 : Math.min(most, Math.max(1, Math.round((percent / 100) * barWidth)));
  return `[${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}] ${Math.floor(percent)} %`;
}

function attentionText(attention: readonly Attention[]): string {
  if (attention.length === 0) return 'Nothing needs attention.\n';
  const lines = attention.map(({ node, pool, volume, claim, reason, message }) => {
    const place =
      volume === undefined ? `${pool === undefined ? '' : `pool ${pool} on `}node ${node}` : nameOf(volume, claim);
    return `  ${place}: ${reason}\n    ${message}\n`;
  });
  return `Needs attention:\n${lines.join('')}`;
}

export function nameOf(volume: string, claim: string | undefined): string {
  return claim === undefined ? `volume ${volume}` : `claim ${claim} (volume ${volume})`;
}
