import { type ChildProcess, spawn } from 'node:child_process';
import { Failure } from '../domain/errors.ts';

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until the program is killed. */
  readonly deadline: number;
  /** Secrets and data go here, never into `argv`. */
  readonly input?: string | Uint8Array;
  /** Added to the fixed environment. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. A non-zero exit code is an outcome, not an error. */
export type Run = (argv: readonly [string, ...string[]], options: RunOptions) => Promise<RunResult>;

/** What every program is given, and nothing else: output in English, and no variable of ours leaks into it. */
export function programEnvironment(path: string | undefined): Record<string, string> {
  return { LC_ALL: 'C', PATH: path ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
}

/** Characters of each stream. */
const outputCap = 64 * 1024 * 1024;

/**
 * The only place that starts programs which end by themselves. Node's own spawn: a library around it took a third of what
 * starting a program takes (ADR 10).
 * Throws `unavailable` when the program could not be started, was killed or outlived its deadline (what it changed is then
 * unknown: read the state again), and `cancelled` when the signal fired.
 */
export function createRun(path?: string): Run {
  return async ([file, ...args], options) => {
    if (options.signal?.aborted) throw new Failure('cancelled', `${file} was not started: the caller gave up`);
    const child = spawn(file, args, {
      env: { ...programEnvironment(path), ...options.env },
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    // A program that ends before it has read all of it is judged by its exit code.
    child.stdin?.on('error', () => undefined).end(options.input);
    return await outcomeOf(child, file, options);
  };
}

function outcomeOf(child: ChildProcess, file: string, { deadline, signal }: RunOptions): Promise<RunResult> {
  const { promise, resolve, reject } = Promise.withResolvers<RunResult>();
  const texts = { stdout: '', stderr: '' };
  let killed: Failure | undefined;
  const kill = (failure: Failure): void => {
    killed ??= failure;
    child.kill('SIGKILL');
    // Children of its own may hold the other ends for long.
    for (const name of ['stdout', 'stderr'] as const) child[name]?.destroy();
  };
  const late = (): void => kill(new Failure('unavailable', `${file} did not end within ${deadline} ms and was killed`));
  const abort = (): void => kill(new Failure('cancelled', `${file} was cancelled`));
  const timer = setTimeout(late, deadline);
  signal?.addEventListener('abort', abort);
  const settle = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
      if (texts[name].length > outputCap) kill(new Failure('unavailable', `${file} wrote too much and was killed`));
    });
  }
  const fail = (reason: string, cause?: unknown): void =>
    reject(new Failure('unavailable', `${file} did not run to its end: ${reason}`, { cause }));
  child.once('error', (cause) => {
    settle();
    fail(cause.message, cause);
  });
  child.once('close', (exitCode, by) => {
    settle();
    if (killed) reject(killed);
    else if (exitCode === null) fail(`it was ended by ${by}`);
    else resolve({ exitCode, ...texts });
  });
  return promise;
}
