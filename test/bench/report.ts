import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Figure } from './sampling.ts';

const DOCS = join(import.meta.dirname, '../../docs');

/** The value that is compared with the target: ours divided by bare if there is a bare, else ours. */
function judged(figure: Figure): number {
  return figure.bare === undefined ? figure.ours : figure.ours / figure.bare;
}

function missed(figures: readonly Figure[]): Figure[] {
  return figures.filter((figure) => figure.target !== undefined && judged(figure) > figure.target);
}

function describeMiss(figure: Figure): string {
  return `${figure.name}: ${judged(figure).toFixed(2)}, to reach: ${figure.target}`;
}

/** Writes docs/NAME.json and docs/NAME.md, reports each missed target, and returns them. */
export async function publish(name: string, figures: readonly Figure[], text: string): Promise<readonly Figure[]> {
  await writeFile(join(DOCS, `${name}.json`), `${JSON.stringify(figures, undefined, 2)}\n`);
  await writeFile(join(DOCS, `${name}.md`), text);
  const misses = missed(figures);
  for (const figure of misses) console.log(`missed: ${describeMiss(figure)}`);
  console.log(`${figures.length} figures, ${misses.length} targets missed; written to docs/${name}.md`);
  return misses;
}

/** The figures, one a row. */
export function toTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const ratio = figure.bare === undefined ? '' : (figure.ours / figure.bare).toFixed(2);
    const bare = figure.bare === undefined ? '' : show(figure.bare, figure.unit);
    const verdict = figure.target === undefined ? '' : judged(figure) <= figure.target ? 'reached' : 'missed';
    return `| ${figure.name} | ${show(figure.ours, figure.unit)} | ${bare} | ${ratio} | ${figure.target ?? ''} | ${verdict} |`;
  });
  return `| Figure | Quarry | bare | ratio | to reach | |
|---|---|---|---|---|---|
${rows.join('\n')}
`;
}

/** The reasons of missed targets, by the figure's name; empty if none is missed. */
export function toReasons(figures: readonly Figure[], reasons: Readonly<Record<string, string>>): string {
  const why = missed(figures).map(({ name }) => `- **${name}**: ${reasons[name] ?? 'the reason is not known yet.'}`);
  return why.length === 0 ? '' : `\n## Missed, and why\n\n${why.join('\n')}\n`;
}

/** docs/benchmarks.md. */
export function toMarkdown(figures: readonly Figure[], reasons: Readonly<Record<string, string>>): string {
  return `# Benchmarks

Measured by \`npm run bench\` in one run, in a microVM of the lab with the bundled program: medians of 30 unless the JSON says
otherwise, ours and the bare command (as a process) in turn. Machines differ and are shared: only the ratios count. The microVM has one processor, and LVM reserves
64 KiB of memory there, for the driver and for the bare command ([ADR 20](adr/0020-turns-of-a-guest.md)). The figures with their sample counts are in [benchmarks.json](benchmarks.json). One controller with thousands of nodes has [its own figures](benchmarks-scale.md), as have [snapshots](benchmarks-snapshots.md), [encryption](benchmarks-encryption.md) and [Kubernetes](benchmarks-cluster.md).

${toTable(figures)}${toReasons(figures, reasons)}`;
}

/** docs/benchmarks-encryption.md. */
export function ofEncryption(figures: readonly Figure[]): string {
  return `# Benchmarks of encryption

Measured by \`npm run bench -- encryption\` in one run, in a microVM of the lab: an encrypted volume, compared with a logical volume that
\`cryptsetup\` alone encrypts with the same cipher, and with one that is not encrypted; and an encrypted volume with integrity (HMAC-SHA256), compared with what \`cryptsetup\` alone makes
likewise, and with the one without. Each is read and written by \`dd\` with direct I/O, in turn; medians. The disks are files of a machine that others share: only the ratios count, and
those that differ little from 1 are within its noise. The sample counts are in [benchmarks-encryption.json](benchmarks-encryption.json).

${toTable(figures)}`;
}

/** docs/benchmarks-snapshots.md. */
export function ofSnapshots(figures: readonly Figure[], reasons: Readonly<Record<string, string>>): string {
  return `# Benchmarks of snapshots and clones

Measured by \`npm run bench -- snapshots\` in one run, in a microVM of the lab with the bundled program, ours and the bare command (as a process) in turn; medians. A clone of a thick volume is measured from the call until the volume can be used:
its own snapshot, the copy, and the end of both. The bare \`dd\` copies between two logical volumes that are there, with direct I/O. The disks are files of a machine that others share: only the ratios count. The sample counts are in
[benchmarks-snapshots.json](benchmarks-snapshots.json).

${toTable(figures)}${toReasons(figures, reasons)}`;
}

function show(value: number, unit: Figure['unit']): string {
  return `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ${unit}`;
}
