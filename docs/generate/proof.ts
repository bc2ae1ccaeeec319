import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { table } from './markdown.ts';

const recorded = z.strictObject({
  /** The day, the first letters of the commit, and the minutes that were really used. */
  date: z.iso.date(),
  commit: z.string(),
  tool: z.string(),
  seed: z.number(),
  minutes: z.number(),
  counts: z.record(z.string(), z.number()),
  findings: z.array(z.string()),
  /** In which it was found, of a run that has rounds. */
  round: z.number().optional(),
  /** In which it was found, of a run that has operations. */
  operation: z.string().optional(),
});

/** One run of a tool, as `npm run nightly` records it in docs/proof.json. */
export type RecordedRun = z.infer<typeof recorded>;

export const proofFile = join(import.meta.dirname, '../proof.json');

/** The runs in docs/proof.json, the oldest first. */
export function recordedRuns(text: string = readFileSync(proofFile, 'utf8')): RecordedRun[] {
  return z.array(recorded).parse(JSON.parse(text));
}

/** A row for each tool: what all its recorded runs did together, and then each run with its seed. */
export function longRuns(runs: readonly RecordedRun[] = recordedRuns()): string {
  const tools = [...new Set(runs.map(({ tool }) => tool))].toSorted();
  const sums = tools.map((tool) => sumRow(tool, runs.filter((run) => run.tool === tool)));
  const each = runs.map((run) => [
    run.date,
    `\`${run.commit}\``,
    run.tool,
    String(run.seed),
    String(run.minutes),
    written(run.counts),
    run.findings.length === 0 ? 'none' : String(run.findings.length),
  ]);
  return [
    table(['Tool', 'Runs', 'Minutes', 'Done', 'Runs with findings'], sums),
    table(['Day', 'Commit', 'Tool', 'Seed', 'Minutes', 'Done', 'Findings'], each),
  ].join('\n');
}

function sumRow(tool: string, runs: readonly RecordedRun[]): string[] {
  const counts = new Map<string, number>();
  for (const [name, times] of runs.flatMap((run) => Object.entries(run.counts)))
    counts.set(name, (counts.get(name) ?? 0) + times);
  const minutes = runs.reduce((sum, run) => sum + run.minutes, 0);
  const failed = runs.filter(({ findings }) => findings.length > 0).length;
  return [tool, String(runs.length), String(minutes), written(Object.fromEntries(counts)), String(failed)];
}

function written(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, times]) => `${times.toLocaleString('en')} ${name}`)
    .join(', ');
}
