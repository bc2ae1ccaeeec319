import { open, readdir, readFile, stat } from 'node:fs/promises';
import type { Bytes } from '../domain/bytes.ts';
import { Failure, messageOf } from '../domain/errors.ts';
import { ignoreGone, isGone } from './gone.ts';

/** `major:minor`, as mountinfo and sysfs write it. */
export type DeviceNumber = `${bigint}:${bigint}`;

/** glibc's 64-bit dev_t: 12 low and 20 high bits of the major, 8 low and 24 high of the minor, interleaved. */
export function decodeDeviceNumber(dev: bigint): DeviceNumber {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

/** The number of a block device node; `undefined` if the path is none. Throws `unavailable` if that is unknown. */
export async function deviceNumberOf(path: string): Promise<DeviceNumber | undefined> {
  try {
    const found = await stat(path, { bigint: true });
    return found.isBlockDevice() ? decodeDeviceNumber(found.rdev) : undefined;
  } catch (cause) {
    if (isGone(cause)) return undefined;
    throw new Failure('unavailable', `${path} could not be examined: ${messageOf(cause)}`, { cause });
  }
}

/** The kernel's present size of a device, in bytes. sysfs counts in sectors of 512 for every device. Throws `unavailable`. */
export async function deviceSize(device: string): Promise<Bytes> {
  const number = await deviceNumberOf(device);
  try {
    if (number !== undefined) return BigInt((await readFile(`/sys/dev/block/${number}/size`, 'utf8')).trim()) * 512n;
  } catch (cause) {
    throw new Failure('unavailable', `the size of ${device} could not be read: ${messageOf(cause)}`, { cause });
  }
  throw new Failure('unavailable', `the size of ${device} could not be read: it is not a block device`);
}

/** Returns when all earlier writes to a device are on the disks. */
export async function flushDevice(device: string): Promise<void> {
  await using file = await open(device, 'r');
  await file.sync();
}

/** The device-mapper name of a device, such as `group-volume`; `undefined` for other devices. */
export async function deviceMapperName(number: string): Promise<string | undefined> {
  try {
    return (await readFile(`/sys/dev/block/${number}/dm/name`, 'utf8').catch(ignoreGone))?.trim();
  } catch (cause) {
    throw new Failure('unavailable', `the name of device ${number} could not be read: ${messageOf(cause)}`, { cause });
  }
}

/** A device that is built on another. */
export interface UpperDevice {
  readonly number: DeviceNumber;
  /** `/dev/mapper/…` for a device-mapper device. */
  readonly path: string;
}

/** The numbers of the devices that this one is built on directly. Throws `unavailable`. */
export async function devicesBelow(number: DeviceNumber, sys = '/sys'): Promise<DeviceNumber[]> {
  return (await neighbours(number, 'slaves', sys)).map((device) => device.number);
}

/** Every device that is built on this one, directly or indirectly, the lower ones first. Throws `unavailable`. */
export async function devicesAbove(number: DeviceNumber, sys = '/sys'): Promise<UpperDevice[]> {
  const found = new Map<DeviceNumber, UpperDevice>();
  const queue = [number];
  for (const next of queue) {
    for (const upper of await neighbours(next, 'holders', sys)) {
      if (found.has(upper.number)) continue;
      found.set(upper.number, upper);
      queue.push(upper.number);
    }
  }
  return [...found.values()];
}

async function neighbours(number: DeviceNumber, side: 'slaves' | 'holders', sys: string): Promise<UpperDevice[]> {
  try {
    const names = await readdir(`${sys}/dev/block/${number}/${side}`).catch(ignoreGone);
    const found = await Promise.all((names ?? []).map((name) => describe(`${sys}/dev/block/${number}/${side}`, name)));
    return found.filter((device) => device !== undefined);
  } catch (cause) {
    throw new Failure('unavailable', `the ${side} of device ${number} could not be read: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** `undefined`: the device vanished after the folder was read. */
async function describe(folder: string, name: string): Promise<UpperDevice | undefined> {
  const number = await readFile(`${folder}/${name}/dev`, 'utf8').catch(ignoreGone);
  if (number === undefined) return undefined;
  const mapped = await readFile(`${folder}/${name}/dm/name`, 'utf8').catch(ignoreGone);
  const path = mapped === undefined ? `/dev/${name.replaceAll('!', '/')}` : `/dev/mapper/${mapped.trim()}`;
  return { number: number.trim() as DeviceNumber, path };
}
