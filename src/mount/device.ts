import { type FileHandle, open } from 'node:fs/promises';
import type { Patience } from '../concurrency/patience.ts';
import { Failure, messageOf } from '../domain/errors.ts';
import { flushDevice } from '../kernel/block-device.ts';
import { headerLength } from './superblock.ts';

const edge = 1024 * 1024;
/** Milliseconds for a read of a few MiB. */
const deadline = 30_000;

/** The first `headerLength` bytes of a device, or all of a smaller one. Throws `unavailable`. */
export function readHeader(patience: Patience, device: string): Promise<Uint8Array> {
  return withDevice(patience, device, (handle) => readAt(handle, 0, headerLength));
}

/**
 * Reads the first and last MiB, which have the signatures. Throws `unavailable` if they cannot be read: then the device may not be
 * blank, although blkid answers "nothing found" for a device that it could not open or read.
 */
export function proveReadable(patience: Patience, device: string, size: bigint): Promise<void> {
  return withDevice(patience, device, async (handle) => {
    const length = Number(size < BigInt(edge) ? size : BigInt(edge));
    for (const start of [0, Number(size) - length]) {
      const bytes = await readAt(handle, start, length);
      if (bytes.byteLength !== length) throw new Error(`it ended after ${start + bytes.byteLength} bytes`);
    }
  });
}

/** Reads so many bytes at this place of a device; fewer at its end. */
export type ReadDevice = (at: number, length: number) => Promise<Uint8Array>;

/** Reads at several places of one device. Throws `unavailable`. */
export function withReader<T>(patience: Patience, device: string, work: (read: ReadDevice) => Promise<T>): Promise<T> {
  return withDevice(patience, device, (handle) => work((at, length) => readAt(handle, at, length)));
}

/** Returns when all that was written is on the disks. Throws `unavailable`. */
export function flush(patience: Patience, device: string): Promise<void> {
  return patience.run(device, `flushing ${device}`, deadline, async () => {
    try {
      await flushDevice(device);
    } catch (cause) {
      throw new Failure('unavailable', `${device} could not be flushed: ${messageOf(cause)}`, { cause });
    }
  });
}

async function readAt(handle: FileHandle, start: number, length: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(buffer, done, length - done, start + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}

async function withDevice<T>(patience: Patience, device: string, work: (handle: FileHandle) => Promise<T>): Promise<T> {
  return patience.run(device, `a read of ${device}`, deadline, async () => {
    try {
      await using handle = await open(device, 'r');
      return await work(handle);
    } catch (cause) {
      throw new Failure('unavailable', `${device} could not be read: ${messageOf(cause)}`, { cause });
    }
  });
}
