import { createHash } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { text } from 'node:stream/consumers';

// A backup program in a guest: rebuilds volumes from the blocks that differ. Reads a list of `Step` from stdin, and writes for each the SHA-256 of its source
// and of its image.

/** Copies extents of a snapshot's device to an image, which is then as large as the snapshot. */
export interface Step {
  readonly source: string;
  readonly image: string;
  readonly size: number;
  readonly extents: readonly (readonly [start: number, length: number])[];
}

const piece = Buffer.alloc(1024 * 1024);

function apply({ source, image, size, extents }: Step): [string, string] {
  const [from, to] = [openSync(source, 'r'), openSync(image, 'a+')];
  closeSync(to);
  const into = openSync(image, 'r+');
  ftruncateSync(into, size);
  for (const [start, length] of extents) {
    for (let at = start; at < start + length;) {
      const count = readSync(from, piece, 0, Math.min(piece.length, start + length - at), at);
      if (count === 0) throw new Error(`${source} ends before ${start + length}`);
      writeSync(into, piece, 0, count, at);
      at += count;
    }
  }
  const sums = [digest(from, size), digest(into, size)] as [string, string];
  closeSync(from);
  closeSync(into);
  return sums;
}

function digest(file: number, size: number): string {
  const hash = createHash('sha256');
  for (let at = 0; at < size;) {
    const count = readSync(file, piece, 0, Math.min(piece.length, size - at), at);
    if (count === 0) throw new Error('the file is too short');
    hash.update(piece.subarray(0, count));
    at += count;
  }
  return hash.digest('hex');
}

const steps = JSON.parse(await text(process.stdin)) as readonly Step[];
process.stdout.write(JSON.stringify(steps.map(apply)));
