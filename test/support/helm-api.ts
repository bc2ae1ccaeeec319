import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** The kinds that the cluster has: Helm asks for those of each object that it renders. */
const kinds = {
  v1: ['Namespace', 'Secret', 'ConfigMap', 'ServiceAccount', 'Service', 'Pod'],
  'apps/v1': ['Deployment', 'DaemonSet'],
  'policy/v1': ['PodDisruptionBudget'],
  'networking.k8s.io/v1': ['NetworkPolicy'],
  'storage.k8s.io/v1': ['CSIDriver'],
  'cbt.storage.k8s.io/v1beta1': ['SnapshotMetadataService'],
  'rbac.authorization.k8s.io/v1': ['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'],
};
const inNoNamespace = new Set([
  'Namespace',
  'CSIDriver',
  'SnapshotMetadataService',
  'ClusterRole',
  'ClusterRoleBinding',
]);

/** The answers of the API server to "what do you serve?", by path. */
function discovery(): Record<string, object> {
  const lists = Object.entries(kinds).map(([groupVersion, names]) => {
    const resources = names.map((kind) => ({
      name: `${kind.toLowerCase()}s`.replace(/ys$/, 'ies'),
      namespaced: !inNoNamespace.has(kind),
      kind,
      verbs: ['get'],
    }));
    const path = groupVersion === 'v1' ? '/api/v1' : `/apis/${groupVersion}`;
    return [path, { kind: 'APIResourceList', groupVersion, resources }] as const;
  });
  const groups = Object.keys(kinds).flatMap((groupVersion) => {
    const [name, version] = groupVersion.split('/');
    if (version === undefined) return [];
    return [{ name, versions: [{ groupVersion, version }], preferredVersion: { groupVersion, version } }];
  });
  return { ...Object.fromEntries(lists), '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups } };
}

/** A cluster that Helm can read, with its namespaces and the given objects by path. Ends with the test. Resolves with Helm's environment. */
export async function serveHelm(objects: Readonly<Record<string, object>> = {}): Promise<Record<string, string>> {
  const answers: Readonly<Record<string, object>> = {
    '/version': { major: '1', minor: '36', gitVersion: 'v1.36.0' },
    '/api': { kind: 'APIVersions', versions: ['v1'] },
    ...discovery(),
    '/api/v1/namespaces/kube-system': { kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'kube-system' } },
    ...objects,
  };
  const server = createServer((request, response) => {
    const found = answers[request.url?.split('?')[0] ?? ''];
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(found ?? { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound' }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const folder = mkdtempSync(join(tmpdir(), 'quarry-helm-'));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true });
  });
  const file = join(folder, 'kubeconfig');
  const { port } = server.address() as AddressInfo;
  const [cluster, context] = [{ server: `http://127.0.0.1:${port}` }, { cluster: 'fake', user: 'fake' }];
  const named = { name: 'fake' };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'fake',
    clusters: [{ ...named, cluster }],
    contexts: [{ ...named, context }],
    users: [{ ...named, user: {} }],
  };
  writeFileSync(file, JSON.stringify(config));
  return { KUBECONFIG: file, HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder };
}
