import { Failure } from '../domain/errors.ts';
import type { Run, RunResult } from '../exec/run.ts';

const shownOutput = 600;

/** Runs a tool that has to succeed. Throws `unavailable` with the tool's message if its exit code is not among `good`. */
export async function must(
  run: Run,
  argv: readonly [string, ...string[]],
  deadline: number,
  problem: string,
  good: readonly number[] = [0],
): Promise<RunResult> {
  const result = await run(argv, { deadline });
  if (good.includes(result.exitCode)) return result;
  throw new Failure('unavailable', `${problem}: ${saidBy(argv[0], result)}`);
}

/** The end of a tool's output, in one line, for a message. */
export function saidBy(tool: string, result: RunResult): string {
  const said = (result.stderr.trim() || result.stdout.trim()).replaceAll(/\s+/g, ' ').slice(-shownOutput);
  return `${tool} ended with ${result.exitCode}${said === '' ? '' : `: ${said}`}`;
}
