import { constants, type FileHandle, open } from 'node:fs/promises';
import { type Bytes, MiB } from '../domain/bytes.ts';
import { messageOf } from '../domain/errors.ts';
import { setTimeout as delay } from 'node:timers/promises';
import type { Disk } from './discover.ts';
import { decodeDeviceNumber } from '../kernel/block-device.ts';

/** Two MiB are read in a few milliseconds, on a machine with nothing else to do. */
const attempts = 20;
const attemptDelay = 100;

/** Which ends of a disk are to be zero. */
export type Ends = 'both' | 'last';

/**
 * Reads the first and the last MiB; one finding for everything that is not a zero that was read.
 * O_EXCL without O_CREAT makes the kernel refuse a block device that is mounted, swapped to or stacked on, in whichever
 * mount namespace (open(2)); others are refused it as exclusively while this reads.
 */
export async function readEnds(disk: Disk, ends: Ends): Promise<string[]> {
  let file: FileHandle;
  try {
    file = await openAlone(disk.device);
  } catch (error) {
    return [
      isBusy(error) ? 'the kernel says that it is in use (EBUSY)' : `it could not be opened: ${messageOf(error)}`,
    ];
  }
  try {
    const moved = await findReplacement(file, disk);
    if (moved !== undefined) return [moved];
    const length = disk.size < MiB ? disk.size : MiB;
    const first = ends === 'both' ? await findData(file, 'first', 0n, length) : undefined;
    const last = await findData(file, 'last', disk.size - length, length);
    return [first, last].filter((finding) => finding !== undefined);
  } finally {
    await file.close();
  }
}

/** Another look of ours, of the driver or of `quarry disks`, holds the disk for a moment as well: only who stays is a user. */
async function openAlone(device: string): Promise<FileHandle> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await open(device, constants.O_RDONLY | constants.O_EXCL);
    } catch (error) {
      if (!isBusy(error) || attempt === attempts) throw error;
      await delay(attemptDelay);
    }
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EBUSY';
}

/** The node may be another disk's by now. */
async function findReplacement(file: FileHandle, disk: Disk): Promise<string | undefined> {
  const stats = await file.stat({ bigint: true });
  if (!stats.isBlockDevice() || decodeDeviceNumber(stats.rdev) === disk.number) return undefined;
  return `${disk.device} is device ${decodeDeviceNumber(stats.rdev)}, and sysfs says ${disk.number}`;
}

async function findData(file: FileHandle, which: string, from: Bytes, length: Bytes): Promise<string | undefined> {
  try {
    const buffer = Buffer.alloc(Number(length), 0xff);
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, from + BigInt(filled));
      if (bytesRead === 0)
        return `the ${which} MiB could not be read: the device ends at byte ${from + BigInt(filled)}`;
      filled += bytesRead;
    }
    if (buffer.equals(Buffer.alloc(buffer.length))) return undefined;
    const at = buffer.findIndex((byte) => byte !== 0);
    return `the ${which} MiB is not zero: data at byte ${from + BigInt(at)}`;
  } catch (error) {
    return `the ${which} MiB could not be read: ${messageOf(error)}`;
  }
}
