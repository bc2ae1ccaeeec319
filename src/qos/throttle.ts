import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import type { Rates, Use } from '../domain/qos.ts';
import type { DeviceRates } from './rates.ts';
import type { Reason } from './reasons.ts';

/** The cgroups of one pod. */
export interface Places {
  /** Those that its limits belong in; several share them. */
  readonly bearing: readonly string[];
  /** Others, where a limit could only be left from before. */
  readonly others: readonly string[];
}

/** Called with a cgroup before it is read. */
export type Visit = (cgroup: string) => Promise<void>;

/** How a version of cgroups limits I/O. A cgroup is its path; one that vanishes meanwhile has no limits. */
export interface Throttle {
  places(pod: string, visit: Visit): Promise<Places>;
  read(cgroup: string): Promise<DeviceRates>;
  /** Sets all four rates of the device. */
  write(cgroup: string, device: string, rates: Rates): Promise<Reason | undefined>;
  /** What the pod has used, by device. */
  use(pod: string): Promise<ReadonlyMap<string, Use>>;
}

/** `undefined` where the file, or its cgroup, does not exist. */
export async function readCgroupFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Never creates the file; the kernel takes one line a call. */
export async function writeCgroupFile(path: string, line: string): Promise<'done' | 'missing' | Reason> {
  try {
    await writeFile(path, line, { flag: 'r+' });
    return 'done';
  } catch (error) {
    if (isGone(error)) return (await exists(path)) ? 'write-refused' : 'missing';
    return /^(?:EROFS|EACCES|EPERM)$/.test(codeOf(error)) ? 'cgroup-read-only' : 'write-refused';
  }
}

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

/** The names of the cgroups in a cgroup. */
export async function subfolders(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** ENODEV is what an open file of a cgroup answers once that is gone. */
export function isGone(error: unknown): boolean {
  return /^(?:ENOENT|ENOTDIR|ENODEV)$/.test(codeOf(error));
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
