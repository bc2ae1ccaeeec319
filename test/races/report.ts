import { lineOf } from './checker.ts';
import type { Result } from './run.ts';

export function replayCommand(seed: number, calls?: number): string {
  return ['npm run races -- --seed', seed, '--seeds 1', ...(calls === undefined ? [] : ['--calls', calls])].join(' ');
}

/** One line for each thing that was found in a run. */
export function findingsOf({ violations, problems }: Result): string[] {
  return [...violations.map(({ text }) => text), ...problems];
}

/** The report of a run that failed: what happened, the calls of the names concerned, the findings, and how to play it again. */
export function describe(result: Result, command: string): string {
  const { happened, history, violations } = result;
  const names = new Set(violations.map(({ name }) => name));
  const concerned = names.size > 0 ? history.filter(({ name }) => names.has(name)) : history;
  return [
    '── what happened',
    ...happened,
    '── calls',
    ...concerned.map(lineOf),
    '── found',
    ...findingsOf(result),
    '── to play it again',
    command,
  ].join('\n');
}
