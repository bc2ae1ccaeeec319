import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { findObject, podOf, renderObjects } from '../support/chart.ts';

test('a node serves metrics to callers that the API server lets read them, if its values say so', async () => {
  const metrics = {
    enabled: true,
    nodes: { enabled: true, secret: 'metrics-of-nodes' },
    podMonitor: { enabled: true, authorization: { credentials: { name: 'prometheus', key: 'token' } } },
  };
  const objects = await renderObjects({ metrics });
  const text = findObject(objects, 'ConfigMap', 'quarry-node').data?.['config.yaml'] ?? '';
  const config = parseConfig(text, { hostname: 'node-1', apiServer: 'https://10.96.0.1' }, 'node');
  expect(config.metrics).toMatchObject({
    listen: { host: '127.0.0.1' },
    secureListen: { host: '0.0.0.0', port: 9810 },
  });
  const { containers, volumes } = podOf(objects, 'DaemonSet', 'quarry-node');
  expect(containers.map(({ ports }) => ports)).toEqual([[{ name: 'secure-metrics', containerPort: 9810 }]]);
  // The controllers' Secret stays out of reach of the owner of a node.
  const secrets = volumes.flatMap(({ secret }) => (secret ? [secret] : []));
  expect(secrets).toEqual([{ secretName: 'metrics-of-nodes', defaultMode: 0o400 }]);
  const monitor = findObject(objects, 'PodMonitor', 'quarry-node').spec as unknown as {
    podMetricsEndpoints: { port: string; tlsConfig: object }[];
  };
  expect(monitor.podMetricsEndpoints[0]).toMatchObject({
    port: 'secure-metrics',
    tlsConfig: { serverName: 'quarry-node.quarry.svc' },
  });
  const bound = objects.find(
    ({ kind, subjects }) => kind === 'ClusterRoleBinding' && JSON.stringify(subjects).includes('quarry-node'),
  );
  const role = bound?.metadata.name ?? '';
  expect(findObject(objects, 'ClusterRole', role).rules).toEqual([
    { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
    { apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'], verbs: ['create'] },
  ]);
});
