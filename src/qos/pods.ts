import { join } from 'node:path';
import type { PodUid } from '../domain/pod-targets.ts';
import { subfolders } from './throttle.ts';

/**
 * The pod in a cgroup's name: `pod<uid>` with kubelet's cgroupfs driver, `…-pod<uid>.slice` with the systemd driver, which
 * writes "_" for each "-" of the UID because "-" separates the levels of a slice.
 */
export function podOfCgroup(name: string): PodUid | undefined {
  const systemd = /-pod([^-]+)\.slice$/.exec(name)?.[1]?.replaceAll('_', '-');
  return systemd ?? /^pod(.+?)$/.exec(name)?.[1];
}

/** The cgroup of all pods. A custom cgroup root is a prefix of its name under systemd. */
export function isPodsRoot(name: string): boolean {
  return /^(?:kubepods|(?:.+-)?kubepods\.slice)$/.test(name);
}

/** The cgroups of the Burstable and BestEffort classes. */
export function isClassFolder(name: string): boolean {
  return /^(?:burstable|besteffort|.*kubepods-(?:burstable|besteffort)\.slice)$/.test(name);
}

/** The cgroup of all pods may be this many levels below the root. */
const depth = 3;
/** systemd units that contain no pods. */
const dead = /\.(?:service|scope|mount|socket|swap)$/;

/**
 * The cgroups of this node's pods below `root`, for either cgroup driver of kubelet. Calls `visit` with each folder in which pods may
 * appear, before it reads the folder.
 */
export async function findPodCgroups(
  root: string,
  visit: (folder: string) => Promise<void>,
): Promise<ReadonlyMap<PodUid, string>> {
  const pods = new Map<PodUid, string>();
  await visit(root);
  for (const base of await podsRoots(root, depth)) {
    await visit(base);
    const names = await subfolders(base);
    collect(base, names, pods);
    for (const name of names.filter(isClassFolder)) {
      const folder = join(base, name);
      await visit(folder);
      collect(folder, await subfolders(folder), pods);
    }
  }
  return pods;
}

async function podsRoots(folder: string, levels: number): Promise<string[]> {
  if (levels === 0) return [];
  const found: string[] = [];
  for (const name of await subfolders(folder)) {
    if (dead.test(name)) continue;
    if (isPodsRoot(name)) found.push(join(folder, name));
    else found.push(...(await podsRoots(join(folder, name), levels - 1)));
  }
  return found;
}

function collect(folder: string, names: readonly string[], pods: Map<PodUid, string>): void {
  for (const name of names) {
    const pod = podOfCgroup(name);
    if (pod !== undefined) pods.set(pod, join(folder, name));
  }
}
