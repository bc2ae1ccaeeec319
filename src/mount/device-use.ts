import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Patience } from '../concurrency/patience.ts';
import { isFailure } from '../domain/errors.ts';
import type { DeviceUse } from '../domain/filesystems.ts';
import { deviceNumberOf } from '../kernel/block-device.ts';
import type { MountinfoEntry } from '../kernel/mountinfo.ts';
import { deviceBehind, readEntries } from './table.ts';

/** Milliseconds for a stat of a mounted filesystem. */
const deadline = 10_000;

/** The queries to the kernel. */
export interface UseKernel {
  readonly entries: typeof readEntries;
  readonly deviceBehind: (entry: MountinfoEntry) => Promise<string>;
  readonly deviceNumberOf: (path: string) => Promise<string | undefined>;
  readonly stat: (path: string) => Promise<unknown>;
  readonly sys: string;
}

const kernelOfMachine: UseKernel = { entries: readEntries, deviceBehind, deviceNumberOf, stat, sys: '/sys' };

/** The uses of those of the devices that are mounted, by their paths, from one reading of the table of mounts. Throws `unavailable`. */
export type ReadDeviceUses = (devices: readonly string[]) => Promise<ReadonlyMap<string, DeviceUse>>;

/** Asks the kernel; a filesystem that does not answer within 10 s counts as not shut down. */
export function createReadDeviceUses(patience: Patience, kernel: UseKernel = kernelOfMachine): ReadDeviceUses {
  return async (devices) => {
    const table = Map.groupBy(await withDevices(kernel), ([number]) => number);
    const found = new Map<string, DeviceUse>();
    for (const device of devices) {
      const number = await kernel.deviceNumberOf(device);
      const entries = (number === undefined ? undefined : table.get(number))?.map(([, entry]) => entry) ?? [];
      const [first] = entries;
      if (number !== undefined && first)
        found.set(device, await useOf(kernel, patience, { device, number, entries, first }));
    }
    return found;
  };
}

async function withDevices(kernel: UseKernel): Promise<[string, MountinfoEntry][]> {
  const entries = await kernel.entries();
  return Promise.all(
    entries.map(async (entry) => [await kernel.deviceBehind(entry), entry] as [string, MountinfoEntry]),
  );
}

interface Used {
  readonly device: string;
  readonly number: string;
  readonly entries: readonly MountinfoEntry[];
  readonly first: MountinfoEntry;
}

async function useOf(kernel: UseKernel, patience: Patience, used: Used): Promise<DeviceUse> {
  const { device, number, entries, first } = used;
  const { target, filesystem } = first;
  const none = { target, turnedReadOnly: false, shutDown: false, errors: 0 };
  if (filesystem === 'devtmpfs' || filesystem === 'tmpfs') return { ...none, access: 'block' };
  const has = (option: string): boolean => entries.some(({ superOptions }) => superOptions.includes(option));
  const forWriting = entries.some(({ options }) => options.includes('rw'));
  return {
    access: 'mount',
    target,
    // ext4 of Linux 6.15 and later shows `emergency_ro` and `shutdown` instead of changing its flags (fs/ext4/super.c).
    turnedReadOnly: has('emergency_ro') || (forWriting && has('ro')),
    shutDown: has('shutdown') || (await fails(kernel, patience, device, target)),
    errors: await errorsOf(kernel, filesystem, number),
  };
}

/** Whether a stat of the root gives an I/O error, as that of an xfs that was shut down does. One that hangs is not counted. */
async function fails(kernel: UseKernel, patience: Patience, device: string, target: string): Promise<boolean> {
  const ask = async (): Promise<boolean> => {
    try {
      await kernel.stat(target);
      return false;
    } catch (cause) {
      return (cause as NodeJS.ErrnoException).code === 'EIO';
    }
  };
  try {
    return await patience.run(device, `a stat of ${target}`, deadline, ask);
  } catch (error) {
    if (isFailure(error, 'unavailable')) return false;
    throw error;
  }
}

async function errorsOf({ sys }: UseKernel, filesystem: string, number: string): Promise<number> {
  try {
    // Such as `dm-3`.
    const name = basename(await readlink(`${sys}/dev/block/${number}`));
    if (filesystem === 'ext4') return Number(await readFile(`${sys}/fs/ext4/${name}/errors_count`, 'utf8'));
    return filesystem === 'btrfs' ? await errorsOfBtrfs(sys, name) : 0;
  } catch (cause) {
    // Unmounted meanwhile.
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw cause;
  }
}

async function errorsOfBtrfs(sys: string, name: string): Promise<number> {
  let sum = 0;
  for (const id of await readdir(`${sys}/fs/btrfs`)) {
    const devices = await readdir(`${sys}/fs/btrfs/${id}/devices`).catch((): string[] => []);
    if (!devices.includes(name)) continue;
    for (const part of await readdir(`${sys}/fs/btrfs/${id}/devinfo`)) {
      const stats = await readFile(`${sys}/fs/btrfs/${id}/devinfo/${part}/error_stats`, 'utf8');
      for (const [, count] of stats.matchAll(/^\w+ (\d+)$/gm)) sum += Number(count);
    }
  }
  return sum;
}
