import { describe, findingsOf, replayCommand } from './report.ts';
import { mostCalls, type Result, run } from './run.ts';

export interface PlayOptions {
  /** The first seed; the others follow it. */
  readonly seed: number;
  /** Calls that claims begin in a run. Absent: all. */
  readonly calls?: number | undefined;
  /** Whether another seed is still to be played. */
  readonly goesOn: (done: number) => boolean;
}

export interface Played {
  readonly counts: Record<string, number>;
  /** One for each seed that failed. */
  readonly reports: readonly string[];
  readonly findings: readonly string[];
}

/** Seeds that failed, after which no other is played. */
const mostFailures = 5;

/** Plays seeds one after the other, and shortens those that fail. */
export async function play({ seed, calls, goesOn }: PlayOptions): Promise<Played> {
  const counts: Record<string, number> = { seeds: 0 };
  const [reports, findings]: [string[], string[]] = [[], []];
  for (let done = 0; goesOn(done) && reports.length < mostFailures; done += 1) {
    const result = await run({ seed: seed + done, calls });
    for (const [name, times] of Object.entries({ seeds: 1, ...result.counts }))
      counts[name] = (counts[name] ?? 0) + times;
    const found = findingsOf(result);
    if (found.length === 0) continue;
    findings.push(...found.map((text) => `seed ${seed + done}: ${text}`));
    const shorter = calls === undefined ? await shorten(seed + done) : undefined;
    reports.push(describe(shorter?.result ?? result, replayCommand(seed + done, shorter?.calls ?? calls)));
  }
  return { counts, reports, findings };
}

/** The run with the fewest calls that fails. */
async function shorten(seed: number): Promise<{ result: Result; calls: number } | undefined> {
  for (let calls = 1; calls < mostCalls; calls += 1) {
    const result = await run({ seed, calls });
    if (findingsOf(result).length > 0) return { result, calls };
  }
  return undefined;
}
