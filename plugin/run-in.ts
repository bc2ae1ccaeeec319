import { Exec, type KubeConfig, type V1Status } from '@kubernetes/client-node';
import type { Writable } from 'node:stream';
import { Failure } from '../src/domain/errors.ts';
import { container, type Target } from './pods.ts';
import { docs, refusalOf, serverOf } from './refusal.ts';

export interface Streams {
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** A terminal, on which the command can ask questions; absent: it reads no input. */
  readonly stdin?: NodeJS.ReadStream | undefined;
}

/** Runs `quarry` with these words in the container of a pod, and resolves with its exit code. */
export async function runIn(
  config: KubeConfig,
  { namespace, pod }: Target,
  words: readonly string[],
  { stdin, stdout, stderr }: Streams,
): Promise<number> {
  const ended = Promise.withResolvers<V1Status | undefined>();
  const exec = new Exec(config);
  const command = ['quarry', ...words];
  // A terminal has one output: the other side writes both to it.
  const outputs = [stdout, stdin ? null : stderr] as const;
  stdin?.setRawMode(true);
  try {
    const done = ended.resolve;
    const socket = await exec.exec(
      namespace,
      pod,
      container,
      command,
      ...outputs,
      stdin ?? null,
      stdin !== undefined,
      done,
    );
    socket.addEventListener('close', () => ended.resolve(undefined));
    return exitCodeOf(await ended.promise);
  } catch (error) {
    const need = { verbs: 'get and create', resource: 'pods/exec', namespace, remedy: `${docs} has a Role with it` };
    throw refusalOf(error, serverOf(config), need);
  } finally {
    stdin?.setRawMode(false);
    stdin?.pause();
  }
}

/** Throws Failure if the command did not run to its end. */
function exitCodeOf(status: V1Status | undefined): number {
  if (status === undefined) {
    throw new Failure(
      'unavailable',
      'the connection ended before the command did; whether it did its work is not known',
    );
  }
  if (status.status === 'Success') return 0;
  const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
  if (status.reason === 'NonZeroExitCode' && code !== undefined) return Number(code);
  throw new Failure('unavailable', `the command could not be run: ${status.message}`);
}
