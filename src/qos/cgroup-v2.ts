import { dirname, join } from 'node:path';
import { parseIoMax, parseIoStat, printIoMax } from './io-max.ts';
import type { Reason } from './throttle.ts';
import { exists, readCgroupFile, type Throttle, writeCgroupFile } from './throttle.ts';

/** cgroup v2 with its root at `root`. A limit on the pod's cgroup binds every cgroup below it. */
export function createCgroupV2(root: string): Throttle {
  return {
    async places(pod, visit) {
      await visit(pod);
      return { limited: [pod], others: [] };
    },
    async read(cgroup) {
      return parseIoMax((await readCgroupFile(join(cgroup, 'io.max'))) ?? '');
    },
    async write(cgroup, device, rates) {
      const file = join(cgroup, 'io.max');
      const line = printIoMax(device, rates);
      const first = await writeCgroupFile(file, line);
      if (first !== 'missing') return first === 'done' ? undefined : first;
      if (!(await exists(cgroup))) return 'no-pod-cgroup';
      const problem = await enableIo(root, cgroup);
      if (problem) return problem;
      const second = await writeCgroupFile(file, line);
      if (second === 'missing') return 'no-io-controller';
      return second === 'done' ? undefined : second;
    },
    async use(pod) {
      return parseIoStat((await readCgroupFile(join(pod, 'io.stat'))) ?? '');
    },
  };
}

/** Enables the io controller from the root down to the cgroup. kubelet doesn't, and a runtime does so only when it starts a container. */
async function enableIo(root: string, cgroup: string): Promise<Reason | undefined> {
  for (const ancestor of ancestorsOf(root, cgroup)) {
    const file = join(ancestor, 'cgroup.subtree_control');
    const enabled = (await readCgroupFile(file))?.split(/\s+/) ?? [];
    if (enabled.includes('io')) continue;
    const outcome = await writeCgroupFile(file, '+io');
    if (outcome === 'cgroup-read-only') return outcome;
    if (outcome !== 'done') return 'no-io-controller';
  }
  return undefined;
}

/** From the root down to the cgroup's parent. */
function ancestorsOf(root: string, cgroup: string): string[] {
  const parent = dirname(cgroup);
  return parent.length <= root.length ? [root] : [...ancestorsOf(root, parent), parent];
}
