import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { programEnvironment } from './run.ts';

/** A program that is kept running: lines go in on stdin, answers come out on file descriptor 3. */
export interface Session {
  write(line: string): void;
  /** Called with each piece of text from file descriptor 3, in place of the listener before. */
  onAnswer(listener: (text: string) => void): void;
  /** What it wrote to stderr since the last call, its end only. */
  complaints(): string;
  /** Resolves, never rejects, with the reason when the program is gone. */
  readonly ended: Promise<string>;
  /** SIGKILL for the whole process group: lvm starts helpers such as thin_check. */
  kill(): void;
}

export type StartSession = (argv: readonly [string, ...string[]], env: Readonly<Record<string, string>>) => Session;

/** Characters of stderr that are kept. */
const complaintsKept = 2000;

/** stdin's end stops such a program by itself, so that it does not outlive this process. */
export function createStartSession(path?: string): StartSession {
  return ([file, ...args], env) => {
    const child = spawn(file, args, {
      env: { ...programEnvironment(path), ...env },
      detached: true,
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    });
    const [input, , errors, answers] = child.stdio as unknown as [Writable, null, Readable, Readable];
    const ended = Promise.withResolvers<string>();
    child.once('error', (error) => ended.resolve(error.message));
    child.once('close', (code, signal) =>
      ended.resolve(`${file} ended ${code === null ? `by ${signal}` : `with exit code ${code}`}`),
    );
    // A write to a program that has just died ends in EPIPE; `ended` tells of its death.
    input.on('error', () => undefined);
    answers.setEncoding('utf8');
    let complaints = '';
    errors.setEncoding('utf8');
    errors.on('data', (text: string) => (complaints = (complaints + text).slice(-complaintsKept)));
    return {
      complaints: () => {
        const text = complaints.trim();
        complaints = '';
        return text;
      },
      write: (line) => void input.write(`${line}\n`),
      onAnswer: (listener) => void answers.removeAllListeners('data').on('data', listener),
      ended: ended.promise,
      kill: () => {
        try {
          if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
        } catch {
          // It has ended already.
        }
      },
    };
  };
}
