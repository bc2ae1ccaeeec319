import { delimiter, dirname, join } from 'node:path';
import type { Cluster } from '../../lab/kubernetes/cluster.ts';
import { bundlePlugin } from '../../plugin/bundle.ts';

/** Runs commands of a guide as an administrator types them, with kubectl, helm and kubectl quarry; throws with their output if one fails. */
export type Administrator = (commands: string) => Promise<string>;

export async function administratorOf({ lab, folder, paths, controlPlane }: Cluster): Promise<Administrator> {
  const bin = join(folder, 'bin');
  await bundlePlugin(join(bin, 'kubectl-quarry'));
  const path = [bin, paths.programs, paths.lab.tools, dirname(process.execPath), process.env['PATH']];
  const env = { PATH: path.join(delimiter), KUBECONFIG: controlPlane.kubeconfig };
  return async (commands) => {
    const { exitCode, stdout, stderr } = await lab.host.exec(['bash', '-euo', 'pipefail', '-c', commands], {
      env,
      timeout: 200_000,
    });
    if (exitCode === 0) return stdout;
    throw new Error(`exit code ${exitCode} of:\n${commands}\n${stdout}${stderr}`);
  };
}
