import { readFile, stat } from 'node:fs/promises';
import type { Bytes } from '../domain/bytes.ts';
import { Failure, messageOf } from '../domain/errors.ts';

/** `major:minor`, as mountinfo and sysfs write it. */
export type DeviceNumber = `${bigint}:${bigint}`;

/** glibc's 64-bit dev_t: 12 low and 20 high bits of the major, 8 low and 24 high of the minor, interleaved. */
export function decodeDeviceNumber(dev: bigint): DeviceNumber {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

/** The number behind a block device node; `undefined` where there is none. Throws `unavailable` when that cannot be said. */
export async function deviceNumberOf(path: string): Promise<DeviceNumber | undefined> {
  try {
    const found = await stat(path, { bigint: true });
    return found.isBlockDevice() ? decodeDeviceNumber(found.rdev) : undefined;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new Failure('unavailable', `${path} could not be examined: ${messageOf(cause)}`, { cause });
  }
}

/** Bytes, as the kernel has them now. sysfs counts in sectors of 512, whatever the device's own are. Throws `unavailable`. */
export async function deviceSize(device: string): Promise<Bytes> {
  const number = await deviceNumberOf(device);
  try {
    if (number !== undefined) return BigInt((await readFile(`/sys/dev/block/${number}/size`, 'utf8')).trim()) * 512n;
  } catch (cause) {
    throw new Failure('unavailable', `the size of ${device} could not be read: ${messageOf(cause)}`, { cause });
  }
  throw new Failure('unavailable', `the size of ${device} could not be read: it is no block device`);
}

/** The name that device-mapper has for a device, such as `group-volume`; `undefined` where it is none of device-mapper's. */
export async function deviceMapperName(number: string): Promise<string | undefined> {
  try {
    return (await readFile(`/sys/dev/block/${number}/dm/name`, 'utf8')).trim();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENODEV') return undefined;
    throw new Failure('unavailable', `the name of device ${number} could not be read: ${messageOf(cause)}`, { cause });
  }
}
