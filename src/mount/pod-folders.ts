import { lstat, readdir } from 'node:fs/promises';
import { Failure, messageOf } from '../domain/errors.ts';
import { podFoldersOf } from '../domain/pod-targets.ts';

/**
 * Whether kubelet still has the folder of the volume in its pod, by the target path of a filesystem. `gone` needs a proof that the
 * folders of pods can be seen: there is at least one. Throws `unavailable` otherwise, for example while kubelet's disk is not mounted.
 */
export async function stateOfPodFolder(target: string): Promise<'present' | 'gone'> {
  const folders = podFoldersOf(target);
  if (!folders) throw new Failure('unavailable', `${target} is not kubelet's path of a filesystem`);
  if (await exists(folders.volume)) return 'present';
  const pods = await entriesOf(folders.pods);
  // Again, because kubelet may have made it meanwhile.
  if (await exists(folders.volume)) return 'present';
  if (pods.length > 0) return 'gone';
  throw new Failure('unavailable', `${folders.pods} has no pod: it is not certain that this is kubelet's folder`);
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw unseen(path, cause);
  }
}

async function entriesOf(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (cause) {
    throw unseen(path, cause);
  }
}

function unseen(path: string, cause: unknown): Failure {
  return new Failure('unavailable', `${path} could not be examined: ${messageOf(cause)}`, { cause });
}
