import { commands } from '../../../src/cli/commands.ts';
import { runCommandLine } from '../../../src/cli/program.ts';
import { Failure } from '../../../src/domain/errors.ts';

export interface Ran {
  readonly stdout: string;
  /** The lines on stderr. */
  readonly said: readonly string[];
  readonly questions: readonly string[];
  /** The results of `--watch`, which ends after three. */
  readonly shown: readonly string[];
  /** Whether it ends with 1 after its output. */
  readonly failed: boolean;
}

/** Runs a command line as src/main.ts does. Without an answer there is no terminal. */
export async function quarry(words: readonly string[], answer?: string | (() => Promise<string>)): Promise<Ran> {
  const said: string[] = [];
  const questions: string[] = [];
  const shown: string[] = [];
  let failed = false;
  const stdout = await runCommandLine(words, commands, {
    say: (line) => void said.push(line),
    ask: async (question, advice) => {
      if (answer === undefined) throw new Failure('invalid', `no terminal to ask on: ${advice}`);
      questions.push(question);
      return typeof answer === 'string' ? answer : answer();
    },
    show: (result) => void shown.push(result),
    again: async () => shown.length < 3,
    fail: () => void (failed = true),
  });
  return { stdout, said, questions, shown, failed };
}
