import { type Bytes, MiB } from '../../domain/bytes.ts';
import { Failure } from '../../domain/errors.ts';
import type { Run } from '../../exec/run.ts';

/** A part of the content of a device that is to be written to another one. Offset and size in bytes, multiples of a sector. */
export interface CopiedRange {
  readonly from: string;
  readonly to: string;
  readonly offset: Bytes;
  readonly size: Bytes;
  /** The target reads as zeros where nothing was written: zeros of the source are left out. */
  readonly sparse: boolean;
}

/** Copies it. When it returns, the data is on the target's disks. Throws `unavailable`, and `cancelled` if the signal fired. */
export type CopyRange = (range: CopiedRange, signal: AbortSignal) => Promise<void>;

/** Milliseconds for one range: a disk that needs longer hangs. */
const deadline = 300_000;

/** Copies with dd, past the page cache: the copy must not displace what applications have there. */
export function createCopyRange(run: Run): CopyRange {
  return async ({ from, to, offset, size, sparse }, signal) => {
    const places = [`skip=${offset}`, `seek=${offset}`, `count=${size}`];
    const flags = ['iflag=direct,fullblock,skip_bytes,count_bytes', 'oflag=direct,seek_bytes'];
    const conversion = `conv=notrunc,fsync,nocreat${sparse ? ',sparse' : ''}`;
    const argv = [`if=${from}`, `of=${to}`, `bs=${MiB}`, ...places, ...flags, conversion, 'status=none'];
    const { exitCode, stderr } = await run(['dd', ...argv], { deadline, signal });
    if (exitCode !== 0) throw new Failure('unavailable', `${from} could not be copied to ${to}: ${stderr.trim()}`);
  };
}
