import { readSync } from 'node:fs';

/** All of these bytes of a device. Throws if it ends before. */
export function readAt(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length;) {
    const read = readSync(fd, bytes, done, length - done, offset + done);
    if (read === 0) throw new Error(`the device ends at ${offset + done}`);
    done += read;
  }
  return bytes;
}
