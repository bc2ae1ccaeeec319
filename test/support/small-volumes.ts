import { expect } from 'vitest';
import { logicalVolumes, type Site } from './cluster.ts';
import { claim, pod } from './manifests.ts';

/** Claims and pods of the same names, for tests with many volumes at once. */
export function namesOf(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
}

export async function createClaims({ kubectl }: Site, names: readonly string[], className: string): Promise<void> {
  await kubectl.apply(...names.map((name) => claim(name, { className, size: '64Mi' })));
}

export async function createPods({ kubectl }: Site, names: readonly string[]): Promise<void> {
  await kubectl.apply(...names.map((name) => pod(name, { volumes: { '/data': { claim: name } } })));
}

/** Deletes claims and pods, and returns the volumes that must be removed. */
export async function requestRemoval({ kubectl, volumeOf }: Site, names: readonly string[]): Promise<string[]> {
  const volumes = await Promise.all(names.map(volumeOf));
  const objects = names.flatMap((name) => [`pod/${name}`, `pvc/${name}`]);
  await kubectl.run(['delete', '--wait=false', ...objects]);
  return volumes;
}

/** Waits until Kubernetes has forgotten the volumes; none of them may be left on a disk then. */
export async function untilRemoved({ kubectl, cluster }: Site, volumes: readonly string[]): Promise<void> {
  // Kubelet and the provisioner double the time between attempts, each for itself: after a kill it exceeded two minutes.
  await kubectl.wait(
    'delete',
    volumes.map((name) => `pv/${name}`),
    300,
  );
  const left = await logicalVolumes(cluster);
  expect(volumes.filter((name) => left.includes(name))).toEqual([]);
}
