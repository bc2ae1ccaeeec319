import type { Patience } from '../concurrency/patience.ts';
import type { Unbroken } from '../concurrency/unbroken.ts';
import { Failure } from '../domain/errors.ts';
import type { Filesystems } from '../domain/filesystems.ts';
import type { FilesystemType } from '../domain/volume.ts';
import { checkExt4 } from './check.ts';
import { readHeader } from './device.ts';
import { growFilesystem } from './grow.ts';
import { mkfsCommand } from './make.ts';
import { probe, type ProbeTools } from './probe.ts';
import { decodeSuperblock } from './superblock.ts';
import { must } from './tool.ts';
import { createUsage } from './usage.ts';
import { smallestSizeOfXfs } from './xfs.ts';

const mkfsDeadline = 600_000;

export interface FilesystemTools extends ProbeTools {
  /** A stop of the driver waits for an mkfs, fsck or growth that runs: half of one is useless. */
  readonly unbroken: Unbroken;
}

/** Runs the programs of e2fsprogs, xfsprogs and btrfs-progs, each with a deadline. */
export function createFilesystems({ run, patience, unbroken }: FilesystemTools): Filesystems {
  return {
    probe: (device, size, id) => probe({ run, patience }, device, size, id),
    sizeOn: async (device, type) =>
      type === 'xfs'
        ? smallestSizeOfXfs(patience, device)
        : decodeSuperblock(type, await readHeader(patience, device))?.size,
    make: ({ device, volume }, type, overUnfinished) =>
      unbroken.run(`mkfs of ${device}`, async () => {
        const argv = mkfsCommand(volume, type, device, overUnfinished);
        await must(run, argv, mkfsDeadline, `${type} could not be made on ${device}`);
        await proveMade(patience, device, type);
      }),
    check: async (device, type, thorough) => {
      // xfs and btrfs replay their logs at the mount and need no check.
      if (type === 'ext4')
        await unbroken.run(`fsck of ${device}`, () => checkExt4({ run, patience }, device, thorough));
    },
    grow: (device, type, target) =>
      unbroken.run(`growth of ${device}`, () => growFilesystem({ run, patience }, type, device, target)),
    usage: createUsage(patience),
  };
}

/** When mkfs closes the device, the kernel drops what it has cached of it, so this reads what is on the disk. */
async function proveMade(patience: Patience, device: string, type: FilesystemType): Promise<void> {
  if (decodeSuperblock(type, await readHeader(patience, device))) return;
  throw new Failure(
    'unavailable',
    `${type} was made on ${device}, but cannot be read from it: the disk loses writes, so replace it`,
  );
}
