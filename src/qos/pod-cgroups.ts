import { join } from 'node:path';
import { isClassFolder, isPodsRoot, podOfCgroup, type PodUid } from './pod-names.ts';
import { subfolders } from './throttle.ts';

/** Levels below the root at which the cgroup of all pods is looked for. */
const depth = 3;
/** Units of systemd that hold no cgroups of others. */
const dead = /\.(?:service|scope|mount|socket|swap)$/;

/**
 * The cgroups of the pods of this node, of either driver of kubelet, wherever below `root` it keeps them. `visit` is called with
 * each folder where pods may appear, before it is read.
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
