import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../command.ts';
import { REPOSITORY } from '../paths.ts';
import type { Cluster } from './cluster.ts';
import { IMAGES } from './recipe.ts';

export const NAMESPACE = 'quarry';
const CHART = chartOf(REPOSITORY);

/** The values of this cluster: three pools of one disk: thin, thick, and thin with a budget. */
const VALUES = {
  image: imageValue(IMAGES.quarry),
  controller: {
    provisioner: { image: image(IMAGES.provisioner) },
    resizer: { image: image(IMAGES.resizer) },
    snapshotter: { enabled: true, groups: true, image: image(IMAGES.snapshotter) },
    snapshotMetadata: { enabled: true, image: image(IMAGES.snapshotMetadata) },
  },
  pools: [
    pool('fast', '/dev/ubdb', { type: 'thin' }),
    pool('bulk', '/dev/ubdc', { type: 'thick' }),
    pool('promised', '/dev/ubdd', { type: 'thin', budget: { readIops: 1000 } }),
  ],
};

/** The folder of the chart in a tree of sources. */
export function chartOf(tree: string): string {
  return join(tree, 'deploy', 'helm', 'quarry');
}

/** The value `image` of the chart for an image of Quarry that the nodes have. */
export function imageValue(reference: string): object {
  return { ...image(reference), pullPolicy: 'Never' };
}

/** `localhost/quarry:lab` as a value of the chart. */
function image(reference: string): object {
  const [registry, repository, tag] = reference.split(/[/:]/);
  return { registry, repository, tag };
}

function pool(name: string, path: string, more: object): object {
  return { name, volumeGroup: `quarry-${name}`, approve: 'automatic', disks: { paths: [path] }, ...more };
}

/** Installs Quarry from its chart, or one of another release, and waits until each node offers it. `controller` of the values is added to the lab's. */
export async function installQuarry(
  cluster: Cluster,
  { controller = {}, ...values }: { readonly controller?: object; readonly [name: string]: unknown } = {},
  chart = CHART,
): Promise<void> {
  const file = join(cluster.folder, 'values.json');
  await writeFile(file, JSON.stringify({ ...VALUES, ...values, controller: { ...VALUES.controller, ...controller } }));
  const flags = ['--namespace', NAMESPACE, '--create-namespace', '--values', file, '--wait', '--timeout=300s'];
  const { exitCode, stderr } = await cluster.helm(['upgrade', '--install', 'quarry', chart, ...flags]);
  if (exitCode !== 0) throw new LabError(`helm: ${stderr}\n${await whatHappens(cluster)}`);
  const nodes = cluster.workers.map(({ name }) => `csinode/${name}`);
  await cluster.kubectl.wait('jsonpath={.spec.drivers[0].name}=lvm.quarry.csi', nodes);
}

async function whatHappens({ kubectl }: Cluster): Promise<string> {
  const questions = [
    ['get', 'pods', '--output=wide'],
    ['get', 'events'],
    ['logs', '--all-containers', '--prefix', '--tail=20', '--selector=app.kubernetes.io/name=quarry'],
  ];
  const inNamespace = kubectl.within(NAMESPACE);
  return (await Promise.all(questions.map((words) => inNamespace.try(words)))).map(({ stdout }) => stdout).join('\n');
}
