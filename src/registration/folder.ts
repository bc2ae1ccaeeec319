import { type FSWatcher, watch } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { Failure } from '../domain/errors.ts';

/** Watches kubelet's folder, which may not exist yet and may be replaced. */
export function createFolderWatch(path: string, changed: () => void) {
  let watcher: FSWatcher | undefined;
  let watched: number | undefined;
  const close = (): void => {
    watcher?.close();
    watched = undefined;
  };
  return {
    close,
    /** @throws Failure('precondition') while the folder does not exist */
    async follow(): Promise<void> {
      const found = await lstat(path).catch(() => undefined);
      if (found?.ino === watched && watched !== undefined) return;
      close();
      if (!found?.isDirectory()) {
        const advice = `is this a node of Kubernetes, and is kubelet's folder mounted?`;
        throw new Failure('precondition', `${path} does not exist: ${advice}`);
      }
      watcher = watch(path, { persistent: false }, changed);
      watcher.on('error', close);
      watched = found.ino;
    },
  };
}
