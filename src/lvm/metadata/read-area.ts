import { type FileHandle, open } from 'node:fs/promises';
import type { Patience } from '../../concurrency/patience.ts';
import type { VgName } from '../../domain/ids.ts';
import { areaStart, bytesAt, checksumOf, type Header, headerBytes, isPossible, parseHeader } from './area.ts';
import type { LostDisk } from './restoration.ts';
import { textsIn } from './texts.ts';

/** Milliseconds for a read of a whole metadata area. */
const deadline = 30_000;

/** Reads metadata areas of disks. Throws `unavailable`, with the disk's path, if one does not answer. */
export interface AreaReader {
  /** Whether the committed metadata is where the disk says. A disk without it, or that gives an error, counts as sound: LVM says what is wrong. */
  isSound(device: string): Promise<boolean>;
  /** What a disk has whose committed metadata is not where it says; `undefined` for any other disk. */
  readLost(device: string, group: VgName): Promise<Pick<LostDisk, 'found' | 'texts'> | undefined>;
}

/** A reader whose reads of a disk that hangs are those of `patience`. */
export function createAreaReader(patience: Patience): AreaReader {
  const reading = <T>(device: string, otherwise: T, read: (file: FileHandle, header: Header) => Promise<T>) =>
    patience.run(device, `a read of the metadata on ${device}`, deadline, async () => {
      try {
        await using file = await open(device, 'r');
        const header = await readHeader(file);
        return header && isPossible(header) ? await read(file, header) : otherwise;
      } catch {
        return otherwise;
      }
    });
  return {
    isSound: (device) =>
      reading(device, true, async (file, { size, location }) => {
        const untilEnd = Math.min(location.size, size - location.offset);
        const text = [await readAll(file, areaStart + location.offset, untilEnd)];
        if (untilEnd < location.size) text.push(await readAll(file, areaStart + headerBytes, location.size - untilEnd));
        return checksumOf(Buffer.concat(text)) === location.checksum;
      }),
    readLost: (device, group) =>
      reading(device, undefined, async (file, { size, location }) => {
        const ring = await readAll(file, areaStart + headerBytes, size - headerBytes);
        const found = bytesAt(ring, location);
        if (checksumOf(found) === location.checksum) return undefined;
        const lost = location.offset - headerBytes;
        return { found, texts: textsIn(ring, group).filter(({ offset }) => offset !== lost) };
      }),
  };
}

/** Reads the header of a disk's first metadata area; `undefined`: it has none. */
export async function readHeader(disk: FileHandle): Promise<Header | undefined> {
  return parseHeader(await readAll(disk, areaStart, headerBytes));
}

async function readAll(file: FileHandle, from: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  for (let filled = 0; filled < length;) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, from + filled);
    if (bytesRead === 0) throw new Error('the device ends within its metadata area');
    filled += bytesRead;
  }
  return buffer;
}
