import { Failure } from '../domain/errors.ts';
import type { Terminal } from './command.ts';

/** Milliseconds. */
const watchInterval = 2000;
const clearScreen = '\u{1B}[H\u{1B}[2J';

/** Questions and remarks go to stderr: stdout may be a file or a program. */
export const terminal: Terminal = {
  say: (line) => void process.stderr.write(`${line}\n`),
  show(result) {
    process.stdout.write(process.stdout.isTTY ? `${clearScreen}${result}` : result);
  },
  async again() {
    const { setTimeout } = await import('node:timers/promises');
    await setTimeout(watchInterval);
    return true;
  },
  fail() {
    process.exitCode = 1;
  },
  async ask(question, advice) {
    if (!process.stdin.isTTY) throw new Failure('invalid', `no terminal to ask on: ${advice}`);
    const { createInterface } = await import('node:readline/promises');
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    // At the end of the input readline never settles the question.
    const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
    try {
      return await Promise.race([lines.question(question), ended]);
    } finally {
      lines.close();
    }
  },
};
