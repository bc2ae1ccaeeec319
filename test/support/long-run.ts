import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a tool that runs for long did, for `npm run nightly` and docs/explanation/proof.md. */
export interface LongRun {
  readonly tool: string;
  readonly seed: number;
  readonly minutes: number;
  /** What was done, and how often: `{ rounds: 120, 'power cuts': 18 }`. */
  readonly counts: Readonly<Record<string, number>>;
  /** A line for each thing that was found; none: all held. */
  readonly findings: readonly string[];
}

/** Writes the file that `--tally FILE` names; does nothing without that option. */
export async function writeLongRun(file: string | undefined, run: LongRun): Promise<void> {
  if (file !== undefined) await writeFile(file, `${JSON.stringify(run, undefined, 2)}\n`);
}

const seedsFile = join(import.meta.dirname, '../seeds.json');

/** The seeds of a tool's slice in `npm test`: each that ever failed (test/seeds.json), and a new one. */
export function seedsOf(tool: string): number[] {
  return [...keptSeedsOf(tool), randomInt(1_000_000)];
}

/** The same without the new one. */
export function keptSeedsOf(tool: string): number[] {
  return failedSeeds()[tool] ?? [];
}

/** Adds a seed that failed to test/seeds.json. */
export async function rememberSeed(tool: string, seed: number): Promise<void> {
  const seeds = failedSeeds();
  await writeFile(seedsFile, `${JSON.stringify({ ...seeds, [tool]: [...(seeds[tool] ?? []), seed] }, undefined, 2)}\n`);
}

function failedSeeds(): Record<string, number[]> {
  return JSON.parse(readFileSync(seedsFile, 'utf8')) as Record<string, number[]>;
}

/** The value of a command's option. Throws for anything but a whole number of at most nine digits. */
export function wholeNumber(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Error(`--${name} "${text}" must be a whole number`);
}
