import { lstat, mkdir, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { Failure } from '../domain/errors.ts';

/** sun_path has 108 bytes including the terminating zero. */
const longestSocketPath = 107;

/** `unix:///run/csi.sock` → `/run/csi.sock`. @throws Failure('invalid') */
export function socketPath(endpoint: string): string {
  const path = /^unix:(?:\/\/)?(\/[^/].*)$/.exec(endpoint)?.[1];
  if (path === undefined) throw new Failure('invalid', `endpoint ${endpoint} is not of the form unix:///path`);
  if (Buffer.byteLength(path) > longestSocketPath) {
    throw new Failure('invalid', `endpoint ${endpoint} is longer than the ${longestSocketPath} bytes of a socket path`);
  }
  return path;
}

/**
 * Prepares the path for bind: creates its folder if `makeFolder`, and removes the socket of a dead process.
 *
 * @throws Failure('precondition') if a process answers there, or if the file is not a socket
 */
export async function claimSocket(path: string, makeFolder = true): Promise<void> {
  if (makeFolder) await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  if (await isStale(path)) await unlink(path).catch(ignoreMissing);
}

/**
 * True for the socket of a dead process, false if there is no file.
 *
 * @throws Failure('precondition') if a process answers there, or if the file is not a socket
 */
export async function isStale(path: string): Promise<boolean> {
  const found = await lstat(path).catch(ignoreMissing);
  if (found === undefined) return false;
  if (!found.isSocket()) throw new Failure('precondition', `${path} exists and is not a socket: remove it first`);
  if (await answers(path)) throw new Failure('precondition', `another process serves ${path}: stop it first`);
  return true;
}

/** Only a refused connection proves that no process listens; a full backlog or missing rights do not. */
export function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    );
  });
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
