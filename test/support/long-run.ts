import { spawnSync } from 'node:child_process';
import { createHash, randomInt } from 'node:crypto';
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
  /** The round in which it was found, where a run has rounds. */
  readonly round?: number;
  /** The operation in which the first of them was found, where a run has operations. */
  readonly operation?: string;
}

/** The options of every tool that runs for long, for `parseArgs`; `minutes` unless told otherwise. */
export function longRunOptions(minutes: number) {
  return {
    seed: { type: 'string', default: `${Date.now() % 1_000_000}` },
    minutes: { type: 'string', default: `${minutes}` },
    tally: { type: 'string' },
  } as const;
}

/** Writes the file that `--tally FILE` names; does nothing without that option. */
export async function writeLongRun(file: string | undefined, run: LongRun): Promise<void> {
  if (file !== undefined) await writeFile(file, `${JSON.stringify(run, undefined, 2)}\n`);
}

/**
 * Throws where something was found. All findings are in the first line of the message, the only one that the summary of `npm test` prints; the
 * report, where there is one, follows.
 */
export function expectNone(findings: readonly string[], report = ''): void {
  if (findings.length === 0) return;
  const line = findings.map((finding) => finding.replaceAll('\n', ' ⏎ ')).join('; ');
  throw new Error(`${line.slice(0, 2000)}\n${report}`);
}

const seedsFile = join(import.meta.dirname, '../seeds.json');

/** A seed that failed, in this round. */
export interface FailedRound {
  readonly seed: number;
  readonly round: number;
}

/** A seed that failed in this operation. */
interface FailedOperation {
  readonly seed: number;
  readonly operation: string;
}

type Failed = number | FailedRound | FailedOperation;

/** The seeds of a tool's slice in `npm test`: each that ever failed (test/seeds.json), and that of the commit. */
export function seedsOf(tool: string): number[] {
  const kept = failedOf(tool).map((entry) => (typeof entry === 'number' ? entry : entry.seed));
  return [...kept, seedOfCommit(tool)];
}

/** The seeds that ever failed of a tool that plays rounds. */
export function failedRoundsOf(tool: string): FailedRound[] {
  return failedOf(tool).filter((entry) => typeof entry === 'object' && 'round' in entry);
}

/** The seeds that ever failed of a tool that plays operations. */
export function failedOperationsOf(tool: string): FailedOperation[] {
  return failedOf(tool).filter((entry) => typeof entry === 'object' && 'operation' in entry);
}

/**
 * A seed that is new with each commit, and the same each time that this commit is tested: what failed fails again
 * when its commit is tested again. A new one each time outside of a clone.
 */
export function seedOfCommit(tool: string): number {
  const { stdout, status } = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: import.meta.dirname, encoding: 'utf8' });
  if (status !== 0) return randomInt(1_000_000);
  return createHash('sha256').update(`${tool} ${stdout.trim()}`).digest().readUInt32BE() % 1_000_000;
}

/** Adds the seed of a run that failed to test/seeds.json. */
export async function rememberSeed({ tool, seed, round, operation }: LongRun): Promise<void> {
  const entry = round === undefined && operation === undefined ? seed : { seed, round, operation };
  const seeds = { ...allFailed(), [tool]: [...failedOf(tool), entry] };
  await writeFile(seedsFile, `${JSON.stringify(seeds, undefined, 2)}\n`);
}

function failedOf(tool: string): Failed[] {
  return allFailed()[tool] ?? [];
}

function allFailed(): Record<string, Failed[]> {
  return JSON.parse(readFileSync(seedsFile, 'utf8')) as Record<string, Failed[]>;
}

/** The value of a command's option. Throws for anything but a whole number of at most nine digits. */
export function wholeNumber(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Error(`--${name} "${text}" must be a whole number`);
}
