import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { clusterPaths } from './paths.ts';
import { type Cluster, openCluster } from './cluster.ts';
import { installQuarry } from './install.ts';
import { NODES } from './recipe.ts';

// `npm run cluster`: Kubernetes with Quarry to try out, until Ctrl-C.

const start = performance.now();
const signalled = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
console.log('starting Kubernetes …');
await using cluster = await openCluster(NODES);
await installQuarry(cluster);
const kubeconfig = await writeKubeconfig(cluster);
const kubectl = join(clusterPaths().programs, 'kubectl');
console.log(`${NODES.length} nodes with Quarry are ready after ${((performance.now() - start) / 1000).toFixed(1)} s. In another shell:

  export KUBECONFIG=${kubeconfig}
  alias kubectl=${kubectl}
  kubectl get nodes

Ctrl-C ends all of it.`);
await signalled;
console.log('ending …');

/** The cluster has its own network: programs outside reach the API server through this process. */
async function writeKubeconfig({ apiSocket, controlPlane, folder }: Cluster): Promise<string> {
  const server = createServer((caller) => {
    const api = connect(apiSocket);
    for (const [from, to] of [[caller, api] as const, [api, caller] as const]) {
      from.pipe(to);
      from.on('error', () => to.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  const { port } = server.address() as AddressInfo;
  const path = join(folder, 'kubeconfig');
  const text = await controlPlane.kubeconfigFor(controlPlane.admin, `https://127.0.0.1:${port}`);
  await writeFile(path, text, { mode: 0o600 });
  return path;
}
