import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { parse } from 'yaml';
import { EXAMPLE_VALUES } from '../../deploy/render.ts';
import { type Cluster, openCluster } from '../../lab/kubernetes/cluster.ts';
import { installQuarry, NAMESPACE } from '../../lab/kubernetes/install.ts';
import type { Kubectl } from '../../lab/kubernetes/kubectl.ts';
import { NODES } from '../../lab/kubernetes/recipe.ts';
import type { Worker } from '../../lab/kubernetes/worker.ts';
import type { ExecOptions } from '../../lab/process.ts';
import { clusterReport } from './cluster-report.ts';

/** The cluster, with a namespace for one test file. */
export interface Site {
  readonly cluster: Cluster;
  readonly kubectl: Kubectl;
  /** Runs a shell script in a pod; throws when it fails. */
  readonly inPod: (pod: string, script: string, options?: ExecOptions) => Promise<string>;
  /** Waits until pods are ready. */
  readonly ready: (...pods: readonly string[]) => Promise<void>;
  /** The node on which a pod runs. */
  readonly nodeOf: (pod: string) => Promise<Worker>;
  /** The PersistentVolume that a claim is bound to. */
  readonly volumeOf: (claim: string) => Promise<string>;
}

/** Shared by all files of the thread, and closed with it. */
let opened: Promise<Cluster> | undefined;

/** The cluster of all files, with a namespace for this one. The file fails if volumes are left on disks, or if a kernel reports a fault. */
export function useCluster(namespace: string): () => Site {
  let site: Site | undefined;
  beforeAll(async () => {
    opened ??= openWithQuarry();
    const cluster = await opened;
    await cluster.kubectl.run(['create', 'namespace', namespace]);
    site = createSite(cluster, namespace);
  }, 600_000);
  afterEach(async ({ task }) => {
    if (site !== undefined && task.result?.state === 'fail') console.error(await clusterReport(site.cluster));
  }, 60_000);
  afterAll(async () => {
    if (site === undefined) return;
    const { kubectl, workers } = site.cluster;
    await kubectl.run(['delete', 'namespace', namespace, '--timeout=100s'], { timeout: 110_000 });
    await expectNothingLeft(site.cluster);
    for (const { guest } of workers) guest.checkConsole();
  }, 300_000);
  return () => {
    if (site === undefined) throw new Error('the cluster is there within tests only');
    return site;
  };
}

async function openWithQuarry(): Promise<Cluster> {
  const cluster = await openCluster(NODES);
  await installExample(cluster);
  return cluster;
}

/** Installs Quarry, or changes what is installed: with the pools of the examples on the lab's disks, and one with a small budget. */
export async function installExample(cluster: Cluster, changes: object = {}, chart?: string): Promise<void> {
  const [fast, bulk] = (parse(readFileSync(EXAMPLE_VALUES, 'utf8')) as { pools: object[] }).pools;
  const promised = { name: 'promised', volumeGroup: 'quarry-promised', type: 'thin', budget: { readIops: 1000 } };
  const on = (pool: object | undefined, ...paths: string[]): object => ({
    ...pool,
    approve: 'automatic',
    disks: { paths },
  });
  const pools = [on(fast, '/dev/ubdb'), on(bulk, '/dev/ubdc', '/dev/ubde'), on(promised, '/dev/ubdd')];
  // The previous release has no such values.
  const more =
    chart === undefined ? { inlineVolumes: { enabled: true }, controller: { statusPage: { enabled: true } } } : {};
  await installQuarry(cluster, { pools, ...more, ...changes }, chart);
}

function createSite(cluster: Cluster, namespace: string): Site {
  const kubectl = cluster.kubectl.within(namespace);
  return {
    cluster,
    kubectl,
    inPod: (name, script, options) => kubectl.run(['exec', name, '--', 'sh', '-ec', script], options),
    ready: (...pods) =>
      kubectl.wait(
        'condition=Ready',
        pods.map((name) => `pod/${name}`),
      ),
    async nodeOf(name) {
      const { spec } = await kubectl.get<{ spec: { nodeName?: string } }>('pod', name);
      const worker = cluster.workers.find((candidate) => candidate.name === spec.nodeName);
      if (worker === undefined) throw new Error(`pod ${name} is on no node`);
      return worker;
    },
    async volumeOf(name) {
      const { spec } = await kubectl.get<{ spec: { volumeName: string } }>('pvc', name);
      return spec.volumeName;
    },
  };
}

/** Files run one after the other, so nothing may be left. */
async function expectNothingLeft(cluster: Cluster): Promise<void> {
  const volumes = (await cluster.kubectl.run(['get', 'pv', '--output=name'])).split('\n').filter(Boolean);
  if (volumes.length > 0) await cluster.kubectl.wait('delete', volumes, 150);
  expect(await logicalVolumes(cluster)).toEqual([]);
  expect(await inlineVolumes(cluster)).toEqual([]);
}

/** A pod's cgroup on its node, as a pattern for the shell that matches any QoS class. */
export function cgroupOf(uid: string): string {
  return `/sys/fs/cgroup/kubepods/*/pod${uid}`;
}

/** The name of the driver's pod on a node. */
export async function driverOn({ kubectl }: Cluster, node: string): Promise<string> {
  const flags = ['--selector=app.kubernetes.io/component=node', `--field-selector=spec.nodeName=${node}`];
  return kubectl.within(NAMESPACE).run(['get', 'pods', ...flags, '--output=jsonpath={.items[0].metadata.name}']);
}

/** SIGKILL to all processes of a pod, including its sandbox; kubelet starts them again. */
export async function killPod({ kubectl, workers }: Cluster, namespace: string, name: string): Promise<void> {
  const { metadata, spec } = await kubectl
    .within(namespace)
    .get<{ metadata: { uid: string }; spec: { nodeName: string } }>('pod', name);
  const worker = workers.find((candidate) => candidate.name === spec.nodeName);
  if (worker === undefined) throw new Error(`pod ${name} is on no node`);
  await worker.guest.shell(`echo 1 >$(echo ${cgroupOf(metadata.uid)})/cgroup.kill`);
}

/** Waits until a controller has recorded on each volume what its PersistentVolume is. */
export async function untilRecorded({ workers }: Cluster, volumes: readonly string[]): Promise<void> {
  const tags = (volume: string): string => `lvs --noheadings -S 'lv_name=${volume}' -o lv_tags`;
  for (const volume of volumes) {
    const recorded = `[ -z "$(${tags(volume)})" ] || ${tags(volume)} | grep -q quarry.pv=pv=${volume}`;
    for (const { guest } of workers) await guest.shell(`until ${recorded}; do sleep 1; done`);
  }
}

/** Logical volumes of Quarry's on all nodes, by the names that Kubernetes gave them. */
export async function logicalVolumes(cluster: Cluster): Promise<string[]> {
  return selected(cluster, 'lv_name=~^pvc-');
}

/** The names of the logical volumes of pods' inline volumes on all nodes. */
export async function inlineVolumes(cluster: Cluster): Promise<string[]> {
  return selected(cluster, 'lv_tags=quarry.role=inline');
}

async function selected({ workers }: Cluster, which: string): Promise<string[]> {
  const lists = workers.map(({ guest }) => guest.shell(`lvs --noheadings -o lv_name --select '${which}'`));
  return (await Promise.all(lists)).flatMap((text) => text.split(/\s+/).filter(Boolean));
}
