import { statfs } from 'node:fs/promises';
import type { Patience } from '../concurrency/patience.ts';
import { Failure, messageOf } from '../domain/errors.ts';
import type { Filesystems, Usage } from '../domain/filesystems.ts';

/** Milliseconds that a statfs may take. */
const deadline = 10_000;

/** Reads the bytes and inodes of a mounted filesystem. Throws `unavailable`. */
export function createUsage(patience: Patience, ask = askKernel): Filesystems['usage'] {
  return (device, target) => patience.run(device, `a statfs of ${target}`, deadline, () => ask(target));
}

async function askKernel(target: string): Promise<Usage> {
  const found = await statfs(target, { bigint: true }).catch((cause: unknown) => {
    throw new Failure('unavailable', `the filesystem at ${target} did not answer: ${messageOf(cause)}`, { cause });
  });
  const bytes = {
    total: found.blocks * found.bsize,
    used: (found.blocks - found.bfree) * found.bsize,
    available: found.bavail * found.bsize,
  };
  if (found.files === 0n) return { bytes };
  return { bytes, inodes: { total: found.files, used: found.files - found.ffree, available: found.ffree } };
}
