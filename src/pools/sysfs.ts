import { readdir, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bytes } from '../domain/bytes.ts';
import { Failure, messageOf } from '../domain/errors.ts';
import { isGone } from '../kernel/gone.ts';

/** The directories of the kernel's filesystems; tests use others. */
export interface Roots {
  readonly sys: string;
  readonly proc: string;
  readonly dev: string;
}

/** This machine's. */
export const systemRoots: Roots = { sys: '/sys', proc: '/proc', dev: '/dev' };

/** The kernel's facts about a block device. */
export interface BlockDevice {
  /** The kernel's name, which has "!" for each "/" of the device's path. */
  readonly name: string;
  /** `major:minor` */
  readonly number: string;
  readonly size: Bytes;
  readonly readOnly: boolean;
  readonly rotational: boolean;
  readonly isPartition: boolean;
  readonly partitions: readonly string[];
  /** Devices stacked on this one: device-mapper, md, bcache. */
  readonly holders: readonly string[];
  /** The kernel's sequence number: another disk under the same name has another number. Since Linux 5.15. */
  readonly sequence?: string | undefined;
  /** The disk's worldwide id, the same on each path to the disk. */
  readonly wwid?: string | undefined;
}

/** `undefined` if the kernel has no such device. Throws `unavailable` if it has one but its facts cannot be read. */
export async function readBlockDevice(sys: string, name: string): Promise<BlockDevice | undefined> {
  let directory: string;
  try {
    directory = await realpath(join(sys, 'class/block', name));
  } catch (error) {
    if (isGone(error)) return undefined;
    throw unreadable(name, error);
  }
  try {
    return await readFacts(directory, name);
  } catch (error) {
    throw unreadable(name, error);
  }
}

function unreadable(name: string, cause: unknown): Failure {
  return new Failure('unavailable', `sysfs does not describe ${name}: ${messageOf(cause)}`, { cause });
}

async function readFacts(directory: string, name: string): Promise<BlockDevice> {
  const isPartition = (await readOptional(join(directory, 'partition'))) !== undefined;
  return {
    name,
    number: await readText(join(directory, 'dev')),
    // Sectors of 512 bytes, also on disks with larger sectors.
    size: BigInt(await readText(join(directory, 'size'))) * 512n,
    readOnly: await readFlag(join(directory, 'ro')),
    // A partition has the queue of its disk.
    rotational: await readFlag(join(directory, isPartition ? '..' : '.', 'queue/rotational')),
    isPartition,
    partitions: await readPartitions(directory),
    holders: (await readdir(join(directory, 'holders'))).toSorted(),
    sequence: await readOptional(join(directory, 'diskseq')),
    // NVMe has the id on the disk, SCSI on the device behind it.
    wwid: (await readOptional(join(directory, 'wwid'))) ?? (await readOptional(join(directory, 'device/wwid'))),
  };
}

async function readPartitions(directory: string): Promise<string[]> {
  const partitions: string[] = [];
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    if ((await readOptional(join(directory, entry.name, 'partition'))) !== undefined) partitions.push(entry.name);
  }
  return partitions.toSorted();
}

async function readText(path: string): Promise<string> {
  const text = (await readFile(path, 'utf8')).trim();
  if (text === '') throw new Error(`${path} is empty`);
  return text;
}

async function readFlag(path: string): Promise<boolean> {
  const text = await readText(path);
  if (text !== '0' && text !== '1') throw new Error(`${path} is "${text}"`);
  return text === '1';
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim() || undefined;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}
