import type { Readable, Writable } from 'node:stream';
import { execa } from 'execa';
import { timeout } from '../concurrency/timeout.ts';
import { messageOf } from '../domain/errors.ts';
import { killGrace, programEnvironment, programOptions } from './run.ts';
import type { Survivors } from './survivors.ts';

/** A program that is kept running: lines go in on stdin, answers come out on file descriptor 3. */
export interface Session {
  write(line: string): void;
  /** Called with each piece of text from file descriptor 3, in place of the listener before. */
  onAnswer(listener: (text: string) => void): void;
  /** Called with the reason when the program has ended, in place of the listener before; at once where it has. */
  onEnd(listener: (reason: string) => void): void;
  /** What it wrote to stderr since the last call, its end only. */
  complaints(): string;
  /**
   * SIGKILL for the whole process group: lvm starts helpers such as thin_check. Resolves when it has ended, or within a second; with
   * a promise of its end where SIGKILL did not end it.
   */
  kill(): Promise<{ pending: Promise<void> | undefined }>;
}

/** `env` is added to the fixed environment. A program that cannot be started has ended at once: `onEnd` says why. */
export type StartSession = (argv: readonly [string, ...string[]], env: Readonly<Record<string, string>>) => Session;

/** Characters of stderr that are kept. */
const complaintsKept = 2000;

/** stdin's end stops such a program by itself, so that it does not outlive this process. */
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
    // A write to a program that has just died ends in EPIPE; `onEnd` tells of its death.
    input.on('error', () => undefined);
    answers.setEncoding('utf8');
    let complaints = '';
    errors.setEncoding('utf8').on('data', (text: string) => (complaints = (complaints + text).slice(-complaintsKept)));
    return {
      complaints: () => {
        const text = complaints.trim();
        complaints = '';
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

/** Whether a program that was killed ends within the time that the kernel needs for it. */
async function endsSoon(ended: Promise<void>): Promise<boolean> {
  using late = timeout(killGrace, false);
  return await Promise.race([ended.then(() => true), late.promise]);
}
