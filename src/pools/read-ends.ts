import { constants, type FileHandle, open } from 'node:fs/promises';
import { type Bytes, MiB } from '../domain/bytes.ts';
import { messageOf } from '../domain/errors.ts';
import { attempt } from '../concurrency/attempts.ts';
import type { Disk } from './discover.ts';
import { decodeDeviceNumber } from '../kernel/block-device.ts';

/** Reading two MiB takes a few milliseconds on an idle machine. */
const looks = { most: 20, pause: 100, mayPass: isBusy } as const;

/**
 * What does not count as data. `zeros`: the header of a metadata area without metadata, which `pvcreate` writes before the label, so that a crash leaves it
 * alone; and which stays when a label is erased. `label`: also LVM's label, further such headers, and a text that LVM wrote and did not commit.
 */
export type Expected = 'zeros' | 'label';

export interface Surface {
  /** Why the ends could not be read, or why the disk is in use. */
  readonly problems: readonly string[];
  /** Where unexpected data was read. */
  readonly data: readonly string[];
  /** The metadata of a group, the only one that LVM ever wrote to the disk: its header points to none, and the rest of the first MiB is zero. */
  readonly uncommitted?: string | undefined;
}

/**
 * Reads the first and the last MiB.
 * O_EXCL without O_CREAT makes the kernel refuse a block device that is mounted, in use as swap or below another device, in any
 * mount namespace (open(2)). During this read it refuses other exclusive opens.
 */
export async function readEnds(disk: Disk, expected: Expected): Promise<Surface> {
  let file: FileHandle;
  try {
    file = await openAlone(disk.device);
  } catch (error) {
    const problem = isBusy(error)
      ? 'the kernel says that it is in use (EBUSY)'
      : `it could not be opened: ${messageOf(error)}`;
    return { problems: [problem], data: [] };
  }
  try {
    const moved = await findReplacement(file, disk);
    if (moved !== undefined) return { problems: [moved], data: [] };
    const length = disk.size < MiB ? disk.size : MiB;
    const first = await findData(file, 'first', { from: 0n, length }, expected);
    const last = await findData(file, 'last', { from: disk.size - length, length }, expected);
    const { uncommitted } = first;
    return { problems: [...first.problems, ...last.problems], data: [...first.data, ...last.data], uncommitted };
  } finally {
    await file.close();
  }
}

/** Retries while the disk is busy: another check, by the driver or by `quarry disks`, also opens it exclusively for a moment. */
function openAlone(device: string): Promise<FileHandle> {
  return attempt(() => open(device, constants.O_RDONLY | constants.O_EXCL), looks);
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EBUSY';
}

/** Detects that the path has become another disk's. */
async function findReplacement(file: FileHandle, disk: Disk): Promise<string | undefined> {
  const stats = await file.stat({ bigint: true });
  if (!stats.isBlockDevice() || decodeDeviceNumber(stats.rdev) === disk.number) return undefined;
  return `${disk.device} is device ${decodeDeviceNumber(stats.rdev)}, but sysfs says ${disk.number}`;
}

interface Range {
  readonly from: Bytes;
  readonly length: Bytes;
}

async function findData(file: FileHandle, which: string, range: Range, expected: Expected): Promise<Surface> {
  let buffer: Buffer;
  try {
    buffer = await readWhole(file, range);
  } catch (error) {
    return { problems: [`the ${which} MiB could not be read: ${messageOf(error)}`], data: [] };
  }
  if (expected === 'label') {
    const areas = clearEmptyLabel(buffer, range.from === 0n);
    if (range.from === 0n && areas.length === 0)
      return { problems: [], data: ['it has no empty metadata area at its start'] };
    const uncommitted = range.from === 0n ? onlyText(buffer, areas) : undefined;
    if (uncommitted !== undefined) return { problems: [], data: [], uncommitted };
  }
  if (expected === 'zeros' && range.from === 0n && isArea(buffer, areaStart)) clearFacts(buffer, areaStart);
  if (isZero(buffer)) return { problems: [], data: [] };
  const at = buffer.findIndex((byte) => byte !== 0);
  const data = [`the ${which} MiB is not zero: data at byte ${range.from + BigInt(at)}`];
  return { problems: [], data };
}

function isZero(bytes: Buffer): boolean {
  return bytes.equals(Buffer.alloc(bytes.length));
}

async function readWhole(file: FileHandle, { from, length }: Range): Promise<Buffer> {
  const buffer = Buffer.alloc(Number(length), 0xff);
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, from + BigInt(filled));
    if (bytesRead === 0) throw new Error(`the device ends at byte ${from + BigInt(filled)}`);
    filled += bytesRead;
  }
  return buffer;
}

const sector = 512;
/** LVM looks for its label in the first four sectors (lib/label/label.h). */
const labelSectors = 4;
/** FMTT_MAGIC of lib/format_text/layout.h, after a checksum of 4 bytes. */
const areaMagic = ' LVM2 x[5A%r0N*>';
/** Where the first area begins, in bytes from the start of a disk. */
const areaStart = 4096;
/** Bytes of checksum, magic, version, start and size of the area. Two locations of metadata follow (struct raw_locn). */
const areaFacts = 40;
const locationBytes = 24;
/** Of the header. LVM writes the first metadata behind it (MDA_HEADER_SIZE), and each later one behind the one before. */
const areaHeader = 512;

/** Zeroes in the buffer what `pvcreate` writes, and returns where metadata areas begin. A group's metadata and its locations stay. */
function clearEmptyLabel(buffer: Buffer, atStart: boolean): number[] {
  const areas: number[] = [];
  for (let at = 0; at < buffer.length; at += sector) {
    const isLabel = atStart && at < labelSectors * sector && buffer.toString('latin1', at, at + 8) === 'LABELONE';
    if (isLabel) buffer.fill(0, at, at + sector);
    if (!isArea(buffer, at)) continue;
    clearFacts(buffer, at);
    areas.push(at);
  }
  return areas;
}

function isArea(buffer: Buffer, at: number): boolean {
  return buffer.toString('latin1', at + 4, at + 4 + areaMagic.length) === areaMagic;
}

function clearFacts(buffer: Buffer, at: number): void {
  buffer.fill(0, at, at + areaFacts);
}

/**
 * The text behind the header of the only area, if the rest is zero. The first location is that of committed metadata: zeros if there is none.
 * The second is set between the two steps of a commit, and cleared by the second step.
 */
function onlyText(buffer: Buffer, [area, other]: readonly number[]): string | undefined {
  if (area === undefined || other !== undefined) return undefined;
  const prepared = area + areaFacts + locationBytes;
  const start = area + areaHeader;
  const end = buffer.indexOf(0, start);
  if (end <= start) return undefined;
  const rest = [buffer.subarray(0, prepared), buffer.subarray(prepared + locationBytes, start), buffer.subarray(end)];
  return rest.every(isZero) ? buffer.toString('latin1', start, end) : undefined;
}
