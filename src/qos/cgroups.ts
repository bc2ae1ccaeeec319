import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseMountinfo } from '../kernel/mountinfo.ts';
import { findHierarchy } from './hierarchy.ts';
import { createLegacyThrottle } from './legacy.ts';
import { findPodCgroups } from './pod-cgroups.ts';
import type { PodUid } from './pod-names.ts';
import type { Throttle } from './throttle.ts';
import { createUnifiedThrottle } from './unified.ts';

export interface CgroupSettings {
  /** Where the host's cgroup filesystem is seen: /sys/fs/cgroup, unless a container has it elsewhere. */
  readonly cgroupMount: string;
  /** The cgroup below which kubelet keeps the pods; absent: it is looked for. */
  readonly cgroupRoot?: string | undefined;
}

/** The cgroups of this node, as one look saw them. */
export interface Cgroups {
  readonly throttle: Throttle;
  readonly pods: ReadonlyMap<PodUid, string>;
}

/** `undefined`: there is no hierarchy that limits I/O. `visit`: see findPodCgroups. */
export async function readCgroups(
  { cgroupMount, cgroupRoot }: CgroupSettings,
  visit: (folder: string) => Promise<void>,
): Promise<Cgroups | undefined> {
  const hierarchy = findHierarchy(parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8')), cgroupMount);
  if (!hierarchy) return undefined;
  const { version, path } = hierarchy;
  return {
    throttle: version === 'v2' ? createUnifiedThrottle(path) : createLegacyThrottle(),
    pods: await findPodCgroups(join(path, cgroupRoot ?? '/'), visit),
  };
}
