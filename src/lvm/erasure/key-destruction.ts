import type { Bytes } from '../../domain/bytes.ts';
import { Failure } from '../../domain/errors.ts';
import type { Run } from '../../exec/run.ts';

/** How the keys of an encrypted logical volume are destroyed. */
export interface KeyDestruction {
  /** Makes every passphrase open nothing any more. Succeeds also for a device without header. */
  readonly destroy: (device: string) => Promise<void>;
  /** Throws `unavailable` unless the disks show zeros in the first `size` bytes. */
  readonly verify: (device: string, size: Bytes, signal: AbortSignal) => Promise<void>;
}

/** Milliseconds for each program. */
const deadline = 60_000;

/** Reads the device again from its disks: what the page cache has is dropped before. */
export function createZeroCheck(run: Run): KeyDestruction['verify'] {
  return async (device, size, signal) => {
    const dropped = await run(['blockdev', '--flushbufs', device], { deadline, signal });
    if (dropped.exitCode !== 0) {
      throw new Failure('unavailable', `${device} could not be read again: ${dropped.stderr.trim()}`);
    }
    const argv = ['cmp', '--bytes', String(size), device, '/dev/zero'] as const;
    const { exitCode, stdout, stderr } = await run(argv, { deadline, signal });
    if (exitCode === 0) return;
    const found = (stdout + stderr).trim();
    throw new Failure(
      'unavailable',
      `the header of ${device} was written with zeros, and is not zero: ${found}; the disk loses writes, so replace it`,
    );
  };
}
