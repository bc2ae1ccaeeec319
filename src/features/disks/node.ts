import { realpath } from 'node:fs/promises';
import type { NodeContext, NodePart } from '../../app/feature.ts';
import type { RelocationInit } from '../../gen/quarry/admin/v1/Relocation.ts';
import { DiskRemoval } from '../../lvm/disk-removal.ts';
import type { Relocation } from '../../lvm/evacuation/leaving-disks.ts';

interface Context {
  readonly local: ConstructorParameters<typeof DiskRemoval>[0];
  readonly leaving: Pick<NodeContext['leaving'], 'begin' | 'keep'>;
  readonly jobs: Pick<NodeContext['jobs'], 'look'>;
}

/** Answers the command line. */
export function createDisksPart({ local, leaving, jobs }: Context): NodePart {
  const removal = new DiskRemoval(local);
  return {
    admin: {
      async evacuateDisk({ disk, dryRun, remove }, { signal }) {
        const relocations = await leaving.begin(await deviceOf(disk), { removed: remove, dryRun }, signal);
        if (!dryRun) jobs.look();
        return { relocations: relocations.map(toMessage) };
      },
      async keepDisk({ disk }, { signal }) {
        await leaving.keep(await deviceOf(disk), signal);
        return {};
      },
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

function toMessage({ lv, volume, size, to }: Relocation): RelocationInit {
  return { lv, volumeId: volume ?? '', size: String(size), to };
}
