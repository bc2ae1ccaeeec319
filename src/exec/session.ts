import type { Readable, Writable } from 'node:stream';
import { execa } from 'execa';
import { timeout } from '../concurrency/timeout.ts';
import { messageOf } from '../domain/errors.ts';
import { killGrace, programEnvironment, programOptions } from './run.ts';
import type { Survivors } from './survivors.ts';

/** A long-lived program: it reads lines from stdin and writes answers to file descriptor 3. */
export interface Session {
  write(line: string): void;
  /** Sets the listener for each piece of text from file descriptor 3; replaces the last one. */
  onAnswer(listener: (text: string) => void): void;
  /** Sets the listener for the program's end, with its reason; replaces the last one. If the program has ended, calls it at once. */
  onEnd(listener: (reason: string) => void): void;
  /** The end of its stderr since the last call. */
  stderr(): string;
  /**
   * Sends SIGKILL to the process group, because lvm starts helpers such as thin_check. Resolves when the program has ended, or after a
   * second with a promise of its end.
   */
  kill(): Promise<{ pending: Promise<void> | undefined }>;
}

/** Starts a session. `env` is added to the fixed environment. If the program cannot be started, `onEnd` gets the reason. */
export type StartSession = (argv: readonly [string, ...string[]], env: Readonly<Record<string, string>>) => Session;

/** Characters of stderr that are kept. */
const stderrKept = 2000;

/** The program ends at the end of its stdin, so it does not outlive this process. */
export function createStartSession(survivors: Survivors, path?: string): StartSession {
  return ([file, ...args], env) => {
    const child = execa(file, args, {
      ...programOptions,
      env: { ...programEnvironment(path), ...env },
      detached: true,
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    });
    const [input, , errors, answers] = child.stdio as [Writable, null, Readable, Readable];
    let gone: string | undefined;
    let onEnd: ((reason: string) => void) | undefined;
    const ended = child.then(({ exitCode, signal, cause }) => {
      const how = exitCode === undefined ? (signal ? `by ${signal}` : messageOf(cause)) : `with exit code ${exitCode}`;
      gone = `${file} ended ${how}`;
      onEnd?.(gone);
    });
    // A write to a program that has just died fails with EPIPE; `onEnd` reports its end.
    input.on('error', () => undefined);
    answers.setEncoding('utf8');
    let stderr = '';
    errors.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-stderrKept)));
    return {
      stderr: () => {
        const text = stderr.trim();
        stderr = '';
        return text;
      },
      write: (line) => void input.write(`${line}\n`),
      onAnswer: (listener) => void answers.removeAllListeners('data').on('data', listener),
      onEnd: (listener) => {
        onEnd = listener;
        if (gone !== undefined) listener(gone);
      },
      async kill() {
        killGroup(child.pid);
        if (await endsSoon(ended)) return { pending: undefined };
        return { pending: survivors.add(child.nodeChildProcess, [file, ...args]) };
      },
    };
  };
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

/** Whether a killed program ends within `killGrace`. */
async function endsSoon(ended: Promise<void>): Promise<boolean> {
  using late = timeout(killGrace, false);
  return await Promise.race([ended.then(() => true), late.promise]);
}
