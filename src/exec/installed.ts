import { Failure } from '../domain/errors.ts';
import type { Run, RunResult } from './run.ts';

/** How `nsenter` ends where the host lacks the program. */
export const notFound = 127;

/** Runs a program that may be missing; `undefined`: it is not installed. @param deadline milliseconds */
export async function runInstalled(
  run: Run,
  argv: readonly [string, ...string[]],
  deadline: number,
): Promise<RunResult | undefined> {
  try {
    const result = await run(argv, { deadline });
    return result.exitCode === notFound ? undefined : result;
  } catch (error) {
    if (error instanceof Failure && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}
