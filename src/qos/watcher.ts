import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { isGone } from './throttle.ts';

/**
 * Watches folders of the cgroup filesystem: the kernel tells of cgroups that come and go, and of files that are written. Folders
 * are named anew in each round, which begins with `begin` and ends with `sweep`.
 */
export interface Watcher {
  begin(): void;
  /** Before the folder is read, so that nothing is missed in between. */
  add(folder: string): Promise<void>;
  /** Lets go of what was not added since `begin`. */
  sweep(): void;
  close(): void;
}

interface Watched {
  /** A cgroup that was removed and made anew has the same path, and another number. */
  readonly inode: bigint;
  readonly handle: FSWatcher;
}

/** Of all files of a cgroup, those that say how I/O is limited, and on v1 those that say whether it has processes. */
const relevantFile = /^(?:io\.max|blkio\.throttle\.\w+_device|cgroup\.procs|tasks)$/;

export function createWatcher(changed: () => void): Watcher {
  const watched = new Map<string, Watched>();
  let named = new Set<string>();
  const drop = (folder: string): void => {
    watched.get(folder)?.handle.close();
    watched.delete(folder);
  };
  return {
    begin: () => (named = new Set()),
    async add(folder) {
      named.add(folder);
      const inode = await inodeOf(folder);
      if (watched.get(folder)?.inode === inode) return;
      drop(folder);
      const handle = inode === undefined ? undefined : open(folder, changed);
      if (inode !== undefined && handle) watched.set(folder, { inode, handle });
    },
    sweep() {
      for (const folder of watched.keys()) if (!named.has(folder)) drop(folder);
    },
    close() {
      for (const folder of watched.keys()) drop(folder);
    },
  };
}

/** Where it cannot be had, for want of inotify watches say, the timer has to do. */
function open(folder: string, changed: () => void): FSWatcher | undefined {
  try {
    const handle = watch(folder, { persistent: false }, (event, name) => {
      if (event === 'rename' || name === null || relevantFile.test(name)) changed();
    });
    return handle.on('error', () => undefined);
  } catch {
    return undefined;
  }
}

async function inodeOf(folder: string): Promise<bigint | undefined> {
  try {
    return (await stat(folder, { bigint: true })).ino;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}
