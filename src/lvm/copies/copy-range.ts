import type { Bytes } from '../../domain/bytes.ts';
import { Failure } from '../../domain/errors.ts';
import type { Run } from '../../exec/run.ts';
import type { Devices } from '../devices.ts';

/** A part of the content of a device that is to be written to another one. Sizes in bytes, multiples of a sector. */
export interface CopiedRange {
  /** Absent: zeros. */
  readonly from?: string;
  readonly to: string;
  readonly offset: Bytes;
  readonly size: Bytes;
  /** Of a read and a write. */
  readonly block: Bytes;
  /** The target reads as zeros where nothing was written: blocks of zeros are left out. */
  readonly sparse: boolean;
}

/** Copies it. When it returns, the data is on the target's disks. Throws `unavailable`, and `cancelled` if the signal fired. */
export type CopyRange = (range: CopiedRange, signal: AbortSignal) => Promise<void>;

/** Milliseconds for one range: a disk that needs longer hangs. */
const deadline = 300_000;

/**
 * Copies with dd, past the page cache: the copy must not displace what applications have there. Zeros are written by the kernel (BLKZEROOUT), which lets
 * a disk that can do it write them without receiving them.
 */
export function createCopyRange(run: Run, devices: Pick<Devices, 'flush'>): CopyRange {
  const zero = createZeroRange(run, devices);
  return async (range, signal) => {
    const { from, to } = range;
    if (from === undefined) return zero(range, signal);
    const { exitCode, stderr } = await run(copying(from, range), { deadline, signal });
    if (exitCode !== 0) throw new Failure('unavailable', `${from} could not be copied to ${to}: ${stderr.trim()}`);
  };
}

/** Writes zeros over a device of which nothing can be read yet: blkdiscard looks for signatures otherwise. */
export function createFirstZeros(run: Run, devices: Pick<Devices, 'flush'>): CopyRange {
  return createZeroRange(run, devices, '--force');
}

/** @param more further words for blkdiscard */
function createZeroRange(run: Run, { flush }: Pick<Devices, 'flush'>, ...more: string[]): CopyRange {
  return async ({ to, offset, size }, signal) => {
    const words = ['--zeroout', ...more, '--offset', String(offset), '--length', String(size), to];
    const { exitCode, stderr } = await run(['blkdiscard', ...words], { deadline, signal });
    if (exitCode !== 0) throw new Failure('unavailable', `zeros could not be written to ${to}: ${stderr.trim()}`);
    await flush(to);
  };
}

/** Tells the disks that the range is not needed. Where one cannot be told that, or does not answer to it, the range is written with zeros. */
export function createDiscardRange(run: Run, zero: CopyRange, { flush }: Pick<Devices, 'flush'>): CopyRange {
  return async (range, signal) => {
    const { to, offset, size } = range;
    const argv = ['blkdiscard', '--offset', String(offset), '--length', String(size), to] as const;
    const { exitCode } = await run(argv, { deadline, signal });
    await (exitCode === 0 ? flush(to) : zero(range, signal));
  };
}

function copying(from: string, { to, offset, size, block, sparse }: CopiedRange): readonly [string, ...string[]] {
  const places = [`skip=${offset}`, `seek=${offset}`, `count=${size}`];
  const flags = ['iflag=direct,fullblock,skip_bytes,count_bytes', 'oflag=direct,seek_bytes'];
  const conversion = `conv=notrunc,fsync,nocreat${sparse ? ',sparse' : ''}`;
  return ['dd', `if=${from}`, `of=${to}`, `bs=${block}`, ...places, ...flags, conversion, 'status=none'];
}
