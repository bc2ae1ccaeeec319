import { join } from 'node:path';
import type { Config } from '../../config/schema.ts';
import { type Finding, error, ok, warning } from './finding.ts';
import type { Host } from './host.ts';

type Registered = Pick<Config, 'driver' | 'registration' | 'endpoint'>;

/** Kubelet's folder for plugins, and the sockets of a running driver. */
export async function checkKubelet(host: Pick<Host, 'list' | 'answers'>, config: Registered): Promise<Finding[]> {
  const { directory, mode } = config.registration;
  const runs = await host.answers(config.endpoint.path);
  const folder = await host.list(directory);
  if (mode === 'external') return [ok('registration with kubelet is left to a sidecar, or there is no kubelet')];
  if (folder === undefined) {
    const what = `${directory} does not exist: kubelet has another root, or does not run here`;
    return [
      error(
        what,
        'set registration.directory (node.kubeletDirectory of the chart) to plugins_registry in its --root-dir',
      ),
    ];
  }
  if (!runs) {
    const what = `no driver answers on ${config.endpoint.path}`;
    return [warning(what, 'start it; before the installation this is as it should be')];
  }
  const socket = join(directory, `${config.driver}-reg.sock`);
  if (await host.answers(socket)) return [ok(`the driver runs, and offers itself to kubelet on ${socket}`)];
  return [error(`the driver runs, and nothing answers on ${socket}`, 'see the log of the driver')];
}
