import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from './cluster.ts';

const MANIFEST = join(import.meta.dirname, 'driver.yaml');

/** Installs Quarry, and waits until each node offers it. */
export async function installQuarry({ kubectl, workers }: Cluster): Promise<void> {
  await kubectl.applyText(await readFile(MANIFEST, 'utf8'));
  await kubectl.run(['--namespace=quarry', 'rollout', 'status', 'daemonset/quarry', '--timeout=60s']);
  const nodes = workers.map(({ name }) => `csinode/${name}`);
  await kubectl.wait('jsonpath={.spec.drivers[0].name}=lvm.quarry.csi', nodes);
}
