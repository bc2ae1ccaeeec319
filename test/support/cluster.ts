import { afterAll, beforeAll } from 'vitest';
import { type Cluster, openCluster } from '../../lab/kubernetes/cluster.ts';
import { installQuarry } from '../../lab/kubernetes/install.ts';
import type { Kubectl } from '../../lab/kubernetes/kubectl.ts';
import { NODES } from '../../lab/kubernetes/recipe.ts';

/** The cluster, and a namespace of one file's own in it. */
export interface Bench {
  readonly cluster: Cluster;
  readonly kubectl: Kubectl;
}

/** Of the thread that runs all files: it ends with it. */
let opened: Promise<Cluster> | undefined;

/** The one cluster of all files, with a namespace of this one's. A complaint of a node's kernel fails the file. */
export function useCluster(namespace: string): () => Bench {
  let bench: Bench | undefined;
  beforeAll(async () => {
    opened ??= openWithQuarry();
    const cluster = await opened;
    await cluster.kubectl.run(['create', 'namespace', namespace]);
    bench = { cluster, kubectl: cluster.kubectl.within(namespace) };
  }, 300_000);
  afterAll(async () => {
    if (bench === undefined) return;
    await bench.cluster.kubectl.run(['delete', 'namespace', namespace, '--timeout=100s'], { timeout: 110_000 });
    for (const { guest } of bench.cluster.workers) guest.checkConsole();
  }, 120_000);
  return () => {
    if (bench === undefined) throw new Error('the cluster is there within tests only');
    return bench;
  };
}

async function openWithQuarry(): Promise<Cluster> {
  const cluster = await openCluster(NODES);
  await installQuarry(cluster);
  return cluster;
}
