import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import type { Rates, Use } from '../domain/qos.ts';
import { isGone } from '../kernel/gone.ts';
import type { DeviceRates } from './rates.ts';

/** Why a limit is not in force, and what to do about it. A closed set: metrics use the keys as label values. */
export const reasons = {
  'unknown-pod':
    'the target path is not one of kubelet, so Quarry cannot tell which pod uses the volume; publish it below the kubelet directory',
  'no-pod-cgroup':
    'the cgroup of the pod does not exist yet; Quarry watches for it. If it never appears, set qos.cgroupRoot to the cgroup root of the kubelet',
  'no-cgroup-filesystem':
    'no cgroup filesystem with I/O limits is mounted; mount /sys/fs/cgroup of the host into the driver, and set qos.cgroupMount to its path',
  'no-io-controller':
    'the io controller is not enabled for the cgroup of the pod and Quarry could not enable it; check cgroup.controllers and cgroup.subtree_control of the cgroups above it',
  'cgroup-read-only':
    'the cgroup filesystem cannot be written to; mount it for writing into the driver, which has to be privileged',
  'write-refused': "the kernel refused the limit; the kernel's log and the driver's log say why",
  'not-read-back':
    'the kernel shows another limit than the one that Quarry wrote; another program may be writing to the same file',
  unexamined: 'Quarry could not read the mounts or the cgroups of this node; the driver log says why',
} as const satisfies Record<string, string>;

export type Reason = keyof typeof reasons;

/** The cgroups of one pod. */
export interface Places {
  /** The cgroups that get the limits; several share them. */
  readonly limited: readonly string[];
  /** Cgroups that get no limit, but may have one from before. */
  readonly others: readonly string[];
}

/** Called with a cgroup before it is read. */
export type Visit = (cgroup: string) => Promise<void>;

/** Limits I/O with one version of cgroups. A cgroup is named by its path. A cgroup that vanishes has no limits. */
export interface Throttle {
  places(pod: string, visit: Visit): Promise<Places>;
  read(cgroup: string): Promise<DeviceRates>;
  /** Sets all four rates of the device. */
  write(cgroup: string, device: string, rates: Rates): Promise<Reason | undefined>;
  /** The pod's I/O since its cgroup was created, by device. */
  use(pod: string): Promise<ReadonlyMap<string, Use>>;
}

/** `undefined` if the file or its cgroup does not exist. */
export async function readCgroupFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Never creates the file. The kernel accepts one line per write. */
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

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
