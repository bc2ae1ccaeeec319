import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { execa } from 'execa';
import { timeout } from '../concurrency/timeout.ts';
import { Failure, messageOf } from '../domain/errors.ts';
import { killGrace, programEnvironment, programOptions } from './run.ts';
import type { Survivors } from './survivors.ts';

export interface StreamOptions {
  readonly signal: AbortSignal;
  /** Milliseconds to wait for more output, or for the program's end; then it is killed. The time that the reader takes does not count. */
  readonly patience: number;
}

/**
 * Runs a program and yields its stdout as UTF-8 text, piece by piece. The program waits while nothing is read, so that memory holds a few
 * pieces. A reader that leaves the loop ends the program.
 * Throws `unavailable` if the program could not be started, failed or exceeded the patience, and `cancelled` if the signal fired.
 */
export type RunStream = (
  argv: readonly [string, ...string[]],
  options: StreamOptions,
) => AsyncGenerator<string, void, undefined>;

/** Characters of stderr in the message of a failure. */
const stderrKept = 1000;

/** Starts programs whose output is too large for `Run`. */
export function createRunStream(survivors: Survivors, path?: string): RunStream {
  return async function* runStream(argv, { signal, patience }) {
    const [file, ...args] = argv;
    if (signal.aborted) throw new Failure('cancelled', `${file} was not started: the caller gave up`);
    const child = execa(file, args, { ...programOptions, env: programEnvironment(path), stdin: 'ignore' });
    const output = textOf(child.stdout);
    const errors = lastOf(child.stderr);
    using bounds = boundsOf(file, signal, patience);
    try {
      for (let next = await bounds.wait(output.next()); next.done !== true; next = await bounds.wait(output.next())) {
        yield next.value;
      }
      const { exitCode, signal: by, cause } = await bounds.wait(child);
      if (exitCode === 0) return;
      const how = exitCode === undefined ? (by ? `by ${by}` : messageOf(cause)) : `with exit code ${exitCode}`;
      throw new Failure('unavailable', `${file} ended ${how}: ${errors()}`);
    } finally {
      await end(child.nodeChildProcess, survivors, argv);
    }
  };
}

/** Paused first: execa drops output for which there is no reader yet. */
function textOf(stream: Readable): AsyncIterator<string> {
  return stream.setEncoding('utf8').pause()[Symbol.asyncIterator]() as AsyncIterator<string>;
}

function lastOf(stream: Readable): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (more: string) => (text = (text + more).slice(-stderrKept)));
  return () => text.trim();
}

/** Waits for a task, for `patience` at most and until the signal fires. */
function boundsOf(file: string, signal: AbortSignal, patience: number) {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => undefined);
  const abort = (): void => reject(new Failure('cancelled', `${file} was cancelled`));
  signal.addEventListener('abort', abort);
  return {
    async wait<T>(task: Promise<T>): Promise<T> {
      const late = Symbol('late');
      using timer = timeout(patience, late);
      const result = await Promise.race([task, promise, timer.promise]);
      if (result !== late) return result;
      throw new Failure('unavailable', `${file} gave no output for ${patience} ms and was killed`);
    },
    [Symbol.dispose]: () => signal.removeEventListener('abort', abort),
  };
}

/** Kills a program that still runs. One that SIGKILL does not end within `killGrace` becomes a survivor. */
async function end(child: ChildProcess, survivors: Survivors, argv: readonly string[]): Promise<void> {
  child.stdout?.destroy();
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  // Not the end of its output, which a child of the program may keep open.
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  using late = timeout(killGrace, undefined);
  await Promise.race([exited, late.promise]);
  void survivors.add(child, argv);
}
