import { realpath } from 'node:fs/promises';
import type { NodePart } from '../../app/feature.ts';
import type { Local } from '../../app/local.ts';
import { DiskRemoval } from '../../lvm/disk-removal.ts';

/** Answers the command line. */
export function createDisksPart(local: Pick<Local, 'cache' | 'writer'>): NodePart {
  const removal = new DiskRemoval(local);
  return {
    admin: {
      async removeDisk({ disk, dryRun }, { signal }) {
        await removal.remove(await deviceOf(disk), dryRun, signal);
        return {};
      },
    },
  };
}

/** The path without links; text that is no path of a device stays, because it may be a UUID. */
async function deviceOf(disk: string): Promise<string> {
  return disk.startsWith('/') ? realpath(disk).catch(() => disk) : disk;
}
