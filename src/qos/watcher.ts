import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { isGone } from '../kernel/gone.ts';

/**
 * Watches folders of the cgroup filesystem, where the kernel reports cgroups that come and go and files that are written. Each
 * reconciliation adds its folders between `begin` and `sweep`.
 */
export interface Watcher {
  begin(): void;
  /** Call it before reading the folder, so that no change is missed. */
  add(folder: string): Promise<void>;
  /** Stops watching folders that were not added since `begin`. */
  sweep(): void;
  close(): void;
}

interface Watched {
  /** A cgroup that was removed and created again has the same path and another inode. */
  readonly inode: bigint;
  readonly handle: FSWatcher;
}

/** The files that hold I/O limits and, on v1, those that list processes. */
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

/** `undefined` if the kernel has no inotify watch left; the timer still reconciles. */
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
