import { statfs } from 'node:fs/promises';
import { timeout } from '../concurrency/timeout.ts';
import { Failure, messageOf } from '../domain/errors.ts';
import type { Usage } from '../domain/filesystems.ts';

const deadline = 10_000;

/**
 * Reads the fill of a mounted filesystem. A statfs that hangs cannot be ended and keeps a thread of Node's pool, so a path
 * whose last one still hangs is not asked again. Throws `unavailable`.
 */
export function createUsage(ask = askKernel, patience = deadline): (target: string) => Promise<Usage> {
  const pending = new Map<string, Promise<Usage>>();
  return (target) => {
    const asked = pending.get(target) ?? ask(target).finally(() => pending.delete(target));
    pending.set(target, asked);
    return within(asked, target, patience);
  };
}

async function within(asked: Promise<Usage>, target: string, patience: number): Promise<Usage> {
  using late = timeout(patience, 'late' as const);
  const outcome = await Promise.race([asked, late.promise]);
  if (outcome !== 'late') return outcome;
  throw new Failure('unavailable', `the filesystem at ${target} did not answer within ${patience} ms`);
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
