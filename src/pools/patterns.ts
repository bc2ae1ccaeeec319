import { glob, realpath } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { isGone } from '../kernel/gone.ts';
import type { Roots } from './sysfs.ts';

/** A device that a rule's paths match. */
export interface Match {
  /** The first path of the rule that matches it. */
  readonly path: string;
  /** The path without symbolic links. */
  readonly device: string;
  /** The kernel's name. */
  readonly name: string;
  /** A path of the rule names it without a wildcard. */
  readonly explicit: boolean;
}

/** Each device once, in the order of the patterns and, within a pattern, of the paths. */
export async function matchDevices(patterns: readonly string[], roots: Roots): Promise<Match[]> {
  const dev = await realpath(roots.dev);
  const matches = new Map<string, Match>();
  for (const pattern of patterns) {
    const explicit = !hasWildcard(pattern);
    for (const path of await expand(pattern, roots.dev)) {
      const device = await resolve(path);
      if (!device?.startsWith(`${dev}/`)) continue;
      const known = matches.get(device);
      matches.set(device, {
        path: known?.path ?? path,
        device,
        name: relative(dev, device).replaceAll('/', '!'),
        explicit: explicit || known?.explicit === true,
      });
    }
  }
  return [...matches.values()];
}

/** Whether the pattern has a wildcard. Node's glob treats a backslash in it as a slash, so it cannot escape one. */
export function hasWildcard(pattern: string): boolean {
  return /[*?[{]|[!+@]\(/.test(pattern);
}

async function expand(pattern: string, dev: string): Promise<string[]> {
  const path = join(dev, pattern.replace(/^\/dev\//, ''));
  if (!hasWildcard(pattern)) return [path];
  const paths = await Array.fromAsync(glob(path));
  return paths.sort(inOrder);
}

/** Numbers by their value: /dev/nvme2n1 is before /dev/nvme10n1. Not by Intl, whose tables take longer to load than a search of the disks. */
function inOrder(a: string, b: string): number {
  const [keyOfA, keyOfB] = [sortKey(a), sortKey(b)];
  if (keyOfA === keyOfB) return a < b ? -1 : 1;
  return keyOfA < keyOfB ? -1 : 1;
}

/** Numbers as wide as the longest name that Linux allows. */
const widest = 255;

function sortKey(path: string): string {
  return path.replace(/\d+/g, (digits) => digits.padStart(widest, '0'));
}

/** `undefined` for a path that does not exist; udev may have removed a link since it was listed. */
async function resolve(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if (isGone(error) || (error instanceof Error && 'code' in error && error.code === 'ELOOP')) return undefined;
    throw error;
  }
}
