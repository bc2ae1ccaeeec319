import type { KubeConfig } from '@kubernetes/client-node';
import { parseArgs } from 'node:util';
import { table } from '../src/cli/output.ts';
import { formatBytes } from '../src/domain/bytes.ts';
import { Failure, messageOf } from '../src/domain/errors.ts';
import { askNodes, conclude } from './ask-nodes.ts';
import type { Node } from './nodes.ts';
import type { Streams } from './run-in.ts';

/** A record of `quarry disks -o json`. */
interface Disk {
  readonly node: string;
  readonly device: string;
  readonly path: string;
  readonly size?: number;
  readonly pool: string;
  readonly verdict: string;
}

interface Wanted {
  /** Devices or paths; none: every proposed disk. */
  readonly names: readonly string[];
  readonly yes: boolean;
}

/** Throws Failure('invalid') for words that do not follow `disks approve`. */
export function parseApproval(words: readonly string[]): Wanted {
  const options = { yes: { type: 'boolean' }, all: { type: 'boolean' } } as const;
  try {
    const { values, positionals } = parseArgs({ args: [...words], options, allowPositionals: true });
    if (values.all === true && positionals.length > 0) throw new Error('give disks or --all, not both');
    return { names: positionals, yes: values.yes === true };
  } catch (cause) {
    throw new Failure('invalid', `disks approve: ${messageOf(cause)}; see kubectl quarry --help`, { cause });
  }
}

/**
 * Shows the disks of all nodes that would be taken. With `yes`, takes exactly these: each node proves its disks blank again first. One that
 * cannot be asked, or that has none of the named disks, ends the command before any disk is taken.
 */
export async function approveDisks(
  config: KubeConfig,
  nodes: readonly Node[],
  { names, yes }: Wanted,
  streams: Streams,
): Promise<number> {
  const answers = await askNodes(config, nodes, () => ['disks', '-o', 'json']);
  if (conclude(answers, streams) !== 0) throw new Failure('unavailable', 'not every node answered; nothing was taken');
  const disks = answers.flatMap(({ node, stdout }) =>
    (JSON.parse(stdout) as { items: Omit<Disk, 'node'>[] }).items.map((disk) => Object.assign(disk, { node })),
  );
  const chosen = chosenOf(disks, names);
  if (chosen.length === 0) {
    streams.stdout.write('No disk is proposed.\n');
    return 0;
  }
  streams.stdout.write(tableOf(chosen));
  if (!yes) {
    streams.stdout.write(`\nNothing was taken. With --yes, ${disksIn(chosen)} would be taken for the pools.\n`);
    return 0;
  }
  const taking = nodes.filter(({ name }) => chosen.some(({ node }) => node === name));
  const of = (name: string): string[] => chosen.filter(({ node }) => node === name).map(({ device }) => device);
  const taken = await askNodes(config, taking, (name) => ['disks', 'approve', ...of(name)]);
  const failed = new Set(taken.filter(({ problem }) => problem !== undefined).map(({ node }) => node));
  const done = chosen.filter(({ node }) => !failed.has(node));
  if (done.length > 0) streams.stdout.write(`\nTaken: ${disksIn(done)}.\n`);
  return conclude(taken, streams);
}

function chosenOf(disks: readonly Disk[], names: readonly string[]): readonly Disk[] {
  const proposed = disks.filter(({ verdict }) => verdict === 'proposed');
  if (names.length === 0) return proposed;
  const isNamed = ({ device, path }: Disk, name: string): boolean => device === name || path === name;
  const missing = names.filter((name) => !proposed.some((disk) => isNamed(disk, name)));
  if (missing.length > 0) {
    throw new Failure('precondition', `proposed on none of the nodes: ${missing.join(', ')}; nothing was taken`);
  }
  return proposed.filter((disk) => names.some((name) => isNamed(disk, name)));
}

function tableOf(disks: readonly Disk[]): string {
  const rows = disks.map(({ node, device, size, pool, path }) => {
    return [node, device, size === undefined ? '?' : formatBytes(BigInt(size)), pool, path === device ? '' : path];
  });
  return table(['NODE', 'DEVICE', 'SIZE', 'POOL', 'PATH'], rows);
}

function disksIn(disks: readonly Disk[]): string {
  const nodes = new Set(disks.map(({ node }) => node)).size;
  return `${disks.length} disk${disks.length === 1 ? '' : 's'} of ${nodes} node${nodes === 1 ? '' : 's'}`;
}
