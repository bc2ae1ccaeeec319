import { lstat, mkdir, open, realpath, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Failure, messageOf } from '../domain/errors.ts';
import { ignoreGone } from '../kernel/gone.ts';

/**
 * The path as mountinfo shows it: resolves symbolic links in its parents (/var/lib/kubelet may be one). Does not touch the last part,
 * because a dead filesystem may be mounted there. Parents that do not exist stay as they are.
 */
export async function resolvePath(path: string): Promise<string> {
  if (path === '/') return path;
  return join(await resolveDirectory(dirname(path)), basename(path));
}

async function resolveDirectory(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (cause) {
    const code = codeOf(cause);
    if (code === 'ENOENT') return join(await resolveDirectory(dirname(path)), basename(path));
    if (code === 'ENOTDIR') return path;
    throw new Failure('unavailable', `${path} could not be examined: ${messageOf(cause)}`, { cause });
  }
}

/** Makes a directory and its parents. Throws `exists` if the path is something else. */
export async function makeDirectory(path: string): Promise<void> {
  await attempt('make', path, () => mkdir(path, { recursive: true, mode: 0o750 }));
  if (!(await lstat(path)).isDirectory()) throw new Failure('exists', `${path} exists and is not a directory`);
}

/** Makes an empty file, on which a device node is mounted, and its parents. Throws `exists` if the path is something else. */
export async function makeFile(path: string): Promise<void> {
  await attempt('make', dirname(path), () => mkdir(dirname(path), { recursive: true, mode: 0o750 }));
  const found = await attempt('examine', path, () => lstat(path).catch(ignoreGone));
  if (found?.isFile() || found?.isBlockDevice()) return;
  if (found) throw new Failure('exists', `${path} exists and is not a file`);
  await attempt('make', path, async () => (await open(path, 'wx', 0o640)).close());
}

/**
 * Removes an unused mount point: an empty directory or an empty file, never more. The kernel refuses (EBUSY) one that is still mounted
 * on.
 */
export async function removeMountPoint(path: string): Promise<void> {
  const found = await attempt('examine', path, () => lstat(path).catch(ignoreGone));
  if (!found) return;
  if (found.isDirectory()) return attempt('remove', path, () => rmdir(path).catch(ignoreGone));
  if (found.isFile() && found.size === 0) return attempt('remove', path, () => unlink(path).catch(ignoreGone));
  throw new Failure('precondition', `${path} is neither an empty directory nor an empty file; it was left alone`);
}

async function attempt<T>(verb: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (codeOf(cause) === 'ENOTEMPTY') {
      throw new Failure('precondition', `${path} is not empty; it was left alone`, { cause });
    }
    if (codeOf(cause) === 'EEXIST' || codeOf(cause) === 'ENOTDIR') {
      throw new Failure('exists', `${path} or a parent of it is not a directory`, { cause });
    }
    throw new Failure('unavailable', `could not ${verb} ${path}: ${messageOf(cause)}`, { cause });
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
