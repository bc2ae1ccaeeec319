import { Failure } from '../domain/errors.ts';
import type { Terminal } from './command.ts';

/** Questions and remarks go to stderr: stdout may be a file or a program. */
export const terminal: Terminal = {
  say: (line) => void process.stderr.write(`${line}\n`),
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
