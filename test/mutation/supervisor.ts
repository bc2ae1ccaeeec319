import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Answer, Request } from './child.ts';
import type { Mutant } from './mutants.ts';
import type { Hits, Selection } from './unit-tests.ts';

/** Runs unit tests in a child process, and replaces a child that a mutant hangs or ends. */
export interface Supervisor {
  record(files: readonly string[]): Promise<readonly Hits[]>;
  /** `hung`: the tests did not end in time, or the mutant ended the process. Throws if the tests could not be run. */
  run(mutant: Mutant, selections: readonly Selection[], milliseconds: number): Promise<Verdict>;
  stop(): void;
}

export type Verdict =
  | { readonly outcome: 'killed'; readonly by: string; readonly late: boolean }
  | { readonly outcome: 'hung' }
  | { readonly outcome: 'survived' };

const RECORDING_MILLISECONDS = 15 * 60_000;

export function supervise(): Supervisor {
  let child: ChildProcess | undefined;
  const ask = async (request: Request, milliseconds: number): Promise<Answer | undefined> => {
    child ??= fork(join(import.meta.dirname, 'child.ts'), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const asked = child;
    const settled = new AbortController();
    const signal = AbortSignal.any([settled.signal, AbortSignal.timeout(milliseconds)]);
    asked.send(request);
    try {
      const events = [once(asked, 'message', { signal }), once(asked, 'exit', { signal })] as const;
      const [first] = (await Promise.race(events)) as [unknown];
      if (typeof first === 'object' && first !== null) return first as Answer;
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      settled.abort();
    }
    asked.kill('SIGKILL');
    child = undefined;
    return undefined;
  };
  return {
    async record(files) {
      const answer = await ask({ record: files }, RECORDING_MILLISECONDS);
      // Another child runs the mutants: two instances of Vitest in one process share settings.
      child?.kill('SIGKILL');
      child = undefined;
      if (answer !== undefined && 'hits' in answer) return answer.hits;
      throw new Error(answer !== undefined && 'error' in answer ? answer.error : 'the unit tests did not end');
    },
    async run(mutant, selections, milliseconds) {
      const answer = await ask({ mutant, selections }, milliseconds);
      if (answer === undefined) return { outcome: 'hung' };
      if ('error' in answer) throw new Error(answer.error);
      const failure = 'failure' in answer ? answer.failure : undefined;
      return failure === undefined
        ? { outcome: 'survived' }
        : { outcome: 'killed', by: failure.name, late: failure.late };
    },
    stop: () => void child?.kill('SIGKILL'),
  };
}
