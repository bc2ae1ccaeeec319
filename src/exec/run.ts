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

/** Output as UTF-8 text, whole: a program that writes more than 64 Mi characters to a stream is killed. */
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
/** Milliseconds between SIGKILL and the end of the wait. The kernel needs far less, unless the program is in uninterruptible sleep. */
export const killGrace = 1000;

/**
 * How every program is started. It outlives this process (`cleanup`): a filesystem check that is cut off begins again. execa does
 * not keep the output (`buffer`): it would copy it into the message of each failure, 10 s for 64 MiB.
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
 * The only place that starts programs which end by themselves.
 * Throws `unavailable` when the program could not be started, was killed or outlived its deadline (what it changed is then
 * unknown: read the state again), and `cancelled` when the signal fired. A program that SIGKILL does not end within a second is
 * one of the survivors from then on, and the failure tells of its end (`pending`).
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
    // A child of its own may hold the other ends for long.
    for (const stream of streams) stream.destroy();
    const pending = ended ? undefined : survivors.add(child.nodeChildProcess, [file, ...args]);
    if (signal?.aborted) throw new Failure('cancelled', `${file} was cancelled`, { pending });
    throw new Failure('unavailable', `${file} ${failureOf(ended, output.excess, deadline, pending && child.pid)}`, {
      pending,
      cause: ended?.cause,
    });
  };
}

/** What is read of execa's result. */
interface Ended {
  readonly exitCode?: number;
  readonly signal?: string;
  readonly timedOut: boolean;
  readonly cause?: unknown;
}

function failureOf(ended: Ended | undefined, excess: boolean, deadline: number, remains: number | undefined): string {
  const end = remains === undefined ? 'was killed' : `still runs as process ${remains}: it cannot be killed`;
  if (excess) return `wrote too much and ${end}`;
  if (!ended || ended.timedOut) return `did not end within ${deadline} ms and ${end}`;
  return `did not run to its end: ${ended.signal === undefined ? messageOf(ended.cause) : `it was ended by ${ended.signal}`}`;
}

/** Gathers what comes on stdout and stderr; calls `kill` when that is more than anybody could use. */
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

/** Resolves when the program has been dead for so long that waiting on is of no use. */
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
