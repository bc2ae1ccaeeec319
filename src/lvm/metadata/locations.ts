import { open } from 'node:fs/promises';
import type { Patience } from '../../concurrency/patience.ts';
import type { VgName } from '../../domain/ids.ts';
import type { LvmArguments } from '../process/lvm.ts';
import { readHeader } from './read-area.ts';

/**
 * Where each disk of a group says that the group's committed metadata is: path of the disk → offset, size and checksum, as hexadecimal text. Disks
 * without a metadata area, and those that cannot be read, are left out. Every commit of LVM changes these bytes.
 */
export type Locations = ReadonlyMap<string, string>;

/** Reads the locations on these disks. Throws `unavailable`, with the disk's path, if one does not answer. */
export type ReadLocations = (devices: readonly string[]) => Promise<Locations>;

/** Milliseconds for a read of one sector. */
const deadline = 10_000;

/** Reads through the page cache, in which LVM's direct writes invalidate what they overwrite. */
export function createReadLocations(patience: Patience): ReadLocations {
  return async (devices) => {
    const read = async (device: string): Promise<[string, string][]> => {
      const place = await patience.run(device, `a read of ${device}`, deadline, () => placeOn(device));
      return place === undefined ? [] : [[device, place]];
    };
    return new Map((await Promise.all(devices.map(read))).flat());
  };
}

/** `undefined` if the disk gives an error: LVM, which reads it next, says which. */
async function placeOn(device: string): Promise<string | undefined> {
  try {
    await using file = await open(device, 'r');
    return (await readHeader(file))?.place;
  } catch {
    return undefined;
  }
}

const committing = new Set(['lvcreate', 'lvremove', 'lvextend']);

/** The group whose metadata the command changes on success; `undefined` if it changes none, or no metadata of a known group. */
export function committedGroup([command, option, ...words]: LvmArguments): VgName | undefined {
  const retags = option === '--addtag' || option === '--deltag';
  if (!committing.has(command) && !retags) return undefined;
  // Extents of disks may follow it.
  return words.findLast((word) => !word.startsWith('/'))?.split('/')[0] as VgName | undefined;
}

/** The disks of `before`, if none of them has other metadata in `after`: then the commit is on no disk. */
export function unchanged(before: Locations, after: Locations): string[] {
  const same = [...before].filter(([device, location]) => after.get(device) === location);
  return same.length === before.size ? same.map(([device]) => device) : [];
}
