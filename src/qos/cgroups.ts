import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type MountinfoEntry, parseMountinfo } from '../kernel/mountinfo.ts';
import { createCgroupV1 } from './cgroup-v1.ts';
import type { PodUid } from '../domain/pod-targets.ts';
import { findPodCgroups } from './pods.ts';
import type { Throttle } from './throttle.ts';
import { createCgroupV2 } from './cgroup-v2.ts';

export interface CgroupSettings {
  /** The mount point of the host's cgroup filesystem; /sys/fs/cgroup unless a container mounts it elsewhere. */
  readonly cgroupMount: string;
  /** The cgroup below which kubelet keeps the pods; absent: Quarry searches for it. */
  readonly cgroupRoot?: string | undefined;
}

/** The cgroups of this node at one moment. */
export interface Cgroups {
  readonly throttle: Throttle;
  readonly pods: ReadonlyMap<PodUid, string>;
}

/** `undefined`: no mounted hierarchy can limit I/O. `visit`: see findPodCgroups. */
export async function readCgroups(
  { cgroupMount, cgroupRoot }: CgroupSettings,
  visit: (folder: string) => Promise<void>,
): Promise<Cgroups | undefined> {
  const hierarchy = findHierarchy(parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8')), cgroupMount);
  if (!hierarchy) return undefined;
  const { version, path } = hierarchy;
  return {
    throttle: version === 'v2' ? createCgroupV2(path) : createCgroupV1(),
    pods: await findPodCgroups(join(path, cgroupRoot ?? '/'), visit),
  };
}

/** The cgroup hierarchy in which I/O is limited. */
export interface Hierarchy {
  readonly version: 'v1' | 'v2';
  /** The path of its root. */
  readonly path: string;
}

/**
 * Searches the mounts at or below `mount`. A controller belongs to one hierarchy: on a hybrid host where v1 has blkio, v2 cannot limit
 * I/O.
 */
export function findHierarchy(mounts: readonly MountinfoEntry[], mount: string): Hierarchy | undefined {
  const inside = mounts.filter(({ target }) => target === mount || target.startsWith(`${mount}/`));
  // The last of several mounts on one path hides the others.
  const visible = [...new Map(inside.map((entry) => [entry.target, entry])).values()];
  const v1 = visible.find(({ filesystem, superOptions }) => filesystem === 'cgroup' && superOptions.includes('blkio'));
  if (v1) return { version: 'v1', path: v1.target };
  const v2 = visible.find(({ filesystem }) => filesystem === 'cgroup2');
  return v2 && { version: 'v2', path: v2.target };
}
