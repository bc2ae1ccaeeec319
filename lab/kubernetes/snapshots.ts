import { join } from 'node:path';
import type { Agent } from '../agent.ts';
import type { Process } from '../process.ts';
import { startComponent } from './component.ts';
import type { ControlPlane } from './control-plane.ts';
import type { ClusterPaths } from './paths.ts';

/** Adds what an administrator adds for snapshots: the CustomResourceDefinitions, and the snapshot controller as a program of the host. */
export async function offerSnapshots(
  host: Agent,
  { kubectl, kubeconfig }: ControlPlane,
  paths: ClusterPaths,
  folder: string,
): Promise<Process> {
  const definitions = join(paths.lab.schemas, 'snapshots');
  await kubectl.run(['apply', '--filename', definitions]);
  await kubectl.run(['wait', '--for=condition=Established', '--filename', definitions, '--timeout=60s']);
  const flags = ['--feature-gates=CSIVolumeGroupSnapshot=true', '--kube-api-qps=200', '--kube-api-burst=400'];
  return startComponent(host, paths.programs, folder, {
    name: 'snapshot-controller',
    flags: [`--kubeconfig=${kubeconfig}`, ...flags],
  });
}
