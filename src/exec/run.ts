import type { Readable } from 'node:stream';
import { execa } from 'execa';
import { Failure, messageOf } from '../domain/errors.ts';
import type { Survivors } from './survivors.ts';

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until the program is killed. */
  readonly deadline: number;
  /** Secrets and data go here, never into `argv`. */
  readonly input?: string | Uint8Array;
  /** Added to the fixed environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The complete output as UTF-8 text. A program that writes more than 64 Mi characters to a stream is killed. */
export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. A non-zero exit code is an outcome, not an error. */
export type Run = (argv: readonly [string, ...string[]], options: RunOptions) => Promise<RunResult>;

/** The fixed environment of every program: English output, and no other variable of this process. */
export function programEnvironment(path: string | undefined): Record<string, string> {
  return { LC_ALL: 'C', PATH: path ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
}

/** Characters of each stream. */
const outputCap = 64 * 1024 * 1024;
/** Milliseconds to wait after SIGKILL. The kernel needs far less, unless the program is in uninterruptible sleep. */
export const killGrace = 1000;

/**
 * Options for every program. `cleanup: false`: the program outlives this process, because a filesystem check that is cut off starts from
 * the beginning. `buffer: false`: execa would copy the output into the message of each failure, which takes 10 s for 64 MiB.
 */
export const programOptions = {
  reject: false,
  extendEnv: false,
  cleanup: false,
  buffer: false,
  killSignal: 'SIGKILL',
  forceKillAfterDelay: false,
} as const;

/**
 * Runs programs that end by themselves; nothing else starts them.
 * Throws `unavailable` if the program could not be started, was killed or exceeded its deadline (its effect is then unknown: read the
 * state again), and `cancelled` if the signal fired. A program that SIGKILL does not end within a second becomes a survivor, and the
 * failure's `pending` resolves when it ends.
 */
export function createRun(survivors: Survivors, path?: string): Run {
  return async ([file, ...args], { deadline, signal, input, env }) => {
    if (signal?.aborted) throw new Failure('cancelled', `${file} was not started: the caller gave up`);
    const child = execa(file, args, {
      ...programOptions,
      env: { ...programEnvironment(path), ...env },
      ...(input === undefined ? { stdin: 'ignore' } : { input }),
      ...(signal && { cancelSignal: signal }),
      timeout: deadline,
    });
    const streams = [child.stdout, child.stderr];
    const output = collect(streams, () => child.kill());
    using overdue = afterKill(deadline, signal);
    const ended: Ended | undefined = await Promise.race([child, overdue.promise]);
    if (ended?.exitCode !== undefined && !output.excess) return { exitCode: ended.exitCode, ...output.texts() };
    // A child of the program may keep the other ends open for long.
    for (const stream of streams) stream.destroy();
    const pending = ended ? undefined : survivors.add(child.nodeChildProcess, [file, ...args]);
    if (signal?.aborted) throw new Failure('cancelled', `${file} was cancelled`, { pending });
    throw new Failure('unavailable', `${file} ${failureOf(ended, output.excess, deadline, pending && child.pid)}`, {
      pending,
      cause: ended?.cause,
    });
  };
}

/** The fields of execa's result that are used here. */
interface Ended {
  readonly exitCode?: number;
  readonly signal?: string;
  readonly timedOut: boolean;
  readonly cause?: unknown;
}

function failureOf(ended: Ended | undefined, excess: boolean, deadline: number, remains: number | undefined): string {
  const end = remains === undefined ? 'was killed' : `still runs as process ${remains}: it cannot be killed`;
  if (excess) return `wrote too much output and ${end}`;
  if (!ended || ended.timedOut) return `did not end within ${deadline} ms and ${end}`;
  return `did not run to its end: ${ended.signal === undefined ? messageOf(ended.cause) : `it was ended by ${ended.signal}`}`;
}

/** Collects stdout and stderr; calls `kill` when one of them exceeds the cap. */
function collect(streams: readonly (Readable | undefined)[], kill: () => void) {
  const texts = ['', ''];
  const output = { excess: false, texts: () => ({ stdout: texts[0] ?? '', stderr: texts[1] ?? '' }) };
  for (const [index, stream] of streams.entries()) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      if (output.excess) return;
      texts[index] += text;
      if ((texts[index]?.length ?? 0) <= outputCap) return;
      output.excess = true;
      kill();
    });
  }
  return output;
}

/** Resolves `killGrace` after the program was killed, for its deadline or by the signal. */
function afterKill(deadline: number, signal: AbortSignal | undefined): { promise: Promise<undefined> } & Disposable {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timers = [setTimeout(resolve, deadline + killGrace, undefined)];
  const abort = (): void => void timers.push(setTimeout(resolve, killGrace, undefined));
  signal?.addEventListener('abort', abort);
  return {
    promise,
    [Symbol.dispose]: () => {
      timers.forEach(clearTimeout);
      signal?.removeEventListener('abort', abort);
    },
  };
}
