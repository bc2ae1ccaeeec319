import { execa } from 'execa';
import { Failure } from '../domain/errors.ts';

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until the process group is killed. */
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

const outputCap = 64 * 1024 * 1024;

/**
 * The only place that starts programs which end by themselves.
 * Throws `unavailable` when the program could not be started, was killed or outlived its deadline (what it changed is then
 * unknown: read the state again), and `cancelled` when the signal fired.
 */
export function createRun(path?: string): Run {
  return async (argv, options) => {
    const [file, ...args] = argv;
    const result = await execa(file, args, {
      env: { ...programEnvironment(path), ...options.env },
      extendEnv: false,
      reject: false,
      stripFinalNewline: false,
      timeout: options.deadline,
      killSignal: 'SIGKILL',
      maxBuffer: outputCap,
      ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
      ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    });
    if (result.exitCode !== undefined) {
      return { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr };
    }
    const cause = result.failed ? result : undefined;
    if (result.isCanceled) throw new Failure('cancelled', `${file} was cancelled`, { cause });
    if (result.timedOut) {
      throw new Failure('unavailable', `${file} did not end within ${options.deadline} ms and was killed`, { cause });
    }
    const reason = result.failed ? result.shortMessage : 'no exit code';
    throw new Failure('unavailable', `${file} did not run to its end: ${reason}`, { cause });
  };
}
