import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { CHART, helm, MANIFEST, renderChart, renderManifest } from '../../deploy/render.ts';
import { stopDeadline } from '../../src/cli/serve.ts';
import { parseConfig } from '../../src/config/config.ts';
import { checkDeadline } from '../../src/mount/check.ts';
import { type ApiSchema, type KubeObject, loadApiSchemas } from '../support/api-schema.ts';
import { type ChartObject, findObject, given, podOf, renderObjects, withChangedBlocks } from '../support/chart.ts';
import { controllerEnvironment } from '../scale/cluster.ts';
import { cases, everything } from './values.ts';

interface IngressRule {
  readonly ports: readonly { readonly port: string }[];
}

function ingressOf(objects: readonly ChartObject[]): readonly IngressRule[] {
  const policy = findObject(objects, 'NetworkPolicy', 'quarry-controller');
  return (policy as unknown as { spec: { ingress: IngressRule[] } }).spec.ingress;
}

const environment = { hostname: 'node-1', nodeName: 'node-1', apiServer: 'https://10.96.0.1:443' };

test('gives a node time to finish a check of a filesystem, and then its calls, after SIGTERM', async () => {
  const pod = podOf(await renderObjects({}), 'DaemonSet', 'quarry-node');
  expect(Number(pod.terminationGracePeriodSeconds) * 1000).toBeGreaterThan(checkDeadline + stopDeadline);
});

test('lets only the configured networks of the nodes dial the port for nodes', async () => {
  const ingress = async (nodeNetworks: string[]) => {
    const objects = await renderObjects({ networkPolicy: { nodeNetworks } });
    return ingressOf(objects).filter(({ ports }) => ports.length === 1);
  };
  expect(await ingress([])).toEqual([{ ports: [{ port: 'fleet' }] }]);
  expect(await ingress(['10.0.0.0/16', 'fd00::/8'])).toEqual([
    { ports: [{ port: 'fleet' }], from: [{ ipBlock: { cidr: '10.0.0.0/16' } }, { ipBlock: { cidr: 'fd00::/8' } }] },
  ]);
});

test('lets the given peers scrape the controllers, and only if metrics are enabled', async () => {
  const rules = async (metrics: object) =>
    ingressOf(await renderObjects({ metrics })).filter(({ ports }) => ports.every(({ port }) => port === 'metrics'));
  const from = [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }];
  expect(await rules({})).toEqual([]);
  expect(await rules({ enabled: true })).toEqual([{ ports: [{ port: 'metrics' }] }]);
  expect(await rules({ enabled: true, from })).toEqual([{ ports: [{ port: 'metrics' }], from }]);
});

test('runs a controller in the environment that its memory was measured in', async () => {
  const { containers } = podOf(await renderObjects({}), 'Deployment', 'quarry-controller');
  const wanted = Object.entries(controllerEnvironment).map(([name, value]) => ({ name, value }));
  expect(containers[0]?.env).toEqual(wanted);
});

test('helm lint finds no problem in the chart', async () => {
  expect(await helm(['lint', '--strict', '--quiet', CHART, '--values', '-'], given)).toBe('');
});

describe('a manifest of the chart', () => {
  let schemas: ApiSchema[];
  beforeAll(() => {
    schemas = loadApiSchemas();
  });

  test.each(Object.entries(cases))(
    'with %s is valid for every supported Kubernetes, and for Quarry',
    async (_, values) => {
      const objects = await renderObjects(values);
      for (const object of objects) {
        if (object.apiVersion === 'monitoring.coreos.com/v1') continue;
        for (const { version, problemsOf } of schemas)
          expect({ version, problems: problemsOf(object) }).toEqual({ version, problems: [] });
        const file = object.kind === 'ConfigMap' ? object.data?.['config.yaml'] : undefined;
        const role = object.metadata.name.endsWith('-controller') ? 'controller' : 'node';
        if (file !== undefined) expect(parseConfig(file, environment, role).driver).toMatch(/^[a-z.]+$/);
      }
      const { nodeGroups = [] } = values as { nodeGroups?: object[] };
      const configurations = objects.filter(({ kind, data }) => kind === 'ConfigMap' && data?.['config.yaml']);
      expect(configurations).toHaveLength(2 + nodeGroups.length);
    },
  );

  test('is invalid if a field is unknown, missing, or of another type', async () => {
    const [schema] = schemas;
    const service = findObject(await renderObjects({}), 'Service', 'quarry-controller');
    expect(schema?.problemsOf(service)).toEqual([]);
    expect(schema?.problemsOf({ ...service, spec: { ports: [{ port: 'x', prot: 1 }] } } as KubeObject)).toEqual([
      'Service.spec.ports[0].port: "x" is no int32',
      'Service.spec.ports[0].prot: is unknown',
    ]);
    expect(schema?.problemsOf({ ...service, spec: { ports: [{}] } } as KubeObject)).toEqual([
      'Service.spec.ports[0].port: is missing',
    ]);
    expect(schema?.problemsOf({ ...service, apiVersion: 'v2' })).toEqual(['v2 Service is not served']);
  });

  test('contains every value', async () => {
    const text = await renderChart(everything.values, 'v1.36.0');
    for (const word of everything.words) expect(text).toContain(word);
  });
});

describe('a node', () => {
  test('is bound to no role, and has neither a token for the API server nor a Secret', async () => {
    const objects = await renderObjects({});
    const bound = objects.flatMap(({ subjects }) => subjects ?? []).map(({ name }) => name);
    expect(new Set(bound)).toEqual(new Set(['quarry-controller']));
    expect(findObject(objects, 'ServiceAccount', 'quarry-node').automountServiceAccountToken).toBe(false);
    const pod = podOf(objects, 'DaemonSet', 'quarry-node');
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(pod.volumes.filter(({ secret }) => secret)).toEqual([]);
  });

  test('is one container that listens on loopback only', async () => {
    const objects = await renderObjects({});
    const { containers } = podOf(objects, 'DaemonSet', 'quarry-node');
    expect(containers.map(({ ports }) => ports)).toEqual([undefined]);
    const config = parseConfig(
      findObject(objects, 'ConfigMap', 'quarry-node').data?.['config.yaml'] ?? '',
      environment,
      'node',
    );
    expect(config.metrics?.listen.host).toBe('127.0.0.1');
  });

  test("sees the processes of its host only if LVM runs in the host's namespaces", async () => {
    const pods = await Promise.all(
      ['host', 'container'].map(async (lvmMode) =>
        podOf(await renderObjects({ node: { lvmMode } }), 'DaemonSet', 'quarry-node'),
      ),
    );
    expect(pods.map(({ hostPID }) => hostPID)).toEqual([true, undefined]);
    const paths = pods.map(({ volumes }) => volumes.map(({ hostPath }) => hostPath?.path));
    expect(paths[0]).not.toContain('/var/lib/quarry/lvm/backup');
    expect(paths[1]).toContain('/var/lib/quarry/lvm/backup');
  });

  test('requests more memory than the benchmark measured', async () => {
    const figures = JSON.parse(readFileSync(join(CHART, '../../../docs/benchmarks.json'), 'utf8')) as {
      name: string;
      ours: number;
    }[];
    const resident = figures.filter(({ name }) => name.startsWith('resident memory')).map(({ ours }) => ours);
    const [container] = podOf(await renderObjects({}), 'DaemonSet', 'quarry-node').containers;
    const asked = Number(/^(\d+)Mi$/.exec(container?.resources.requests.memory ?? '')?.[1]);
    expect(asked).toBeGreaterThan(Math.max(...resident));
    expect(asked).toBeLessThan(2 * Math.max(...resident));
  });
});

test('every container of the controller has a probe, and the pull policy of all', async () => {
  const { containers } = podOf(
    await renderObjects({
      image: { pullPolicy: 'Never' },
      ...withChangedBlocks,
    }),
    'Deployment',
    'quarry-controller',
  );
  expect(containers).toHaveLength(5);
  expect(containers.filter(({ livenessProbe }) => livenessProbe === undefined)).toEqual([]);
  expect(new Set(containers.map(({ imagePullPolicy }) => imagePullPolicy))).toEqual(new Set(['Never']));
});

test('a controller may write what its sidecars need, and may read no Secret', async () => {
  const rules = (await renderObjects({})).flatMap((object) => object.rules ?? []) as {
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
  }[];
  expect(rules.flatMap(({ resources }) => resources)).not.toContain('secrets');
  const reading = new Set(['get', 'list', 'watch']);
  const written = rules.filter(({ verbs }) => verbs.some((verb) => !reading.has(verb)));
  expect(written.flatMap(({ resources }) => resources).toSorted()).toEqual([
    'csistoragecapacities',
    'events',
    'leases',
    'persistentvolumeclaims',
    'persistentvolumeclaims/status',
    'persistentvolumes',
    'tokenreviews',
  ]);
});

test('every permission has its reason, and none has a wildcard', async () => {
  const lines = readFileSync(join(CHART, 'templates/rbac.yaml'), 'utf8').split('\n');
  const reasons = lines.flatMap((line, index) => (line.startsWith('  - apiGroups:') ? [lines[index - 1]] : []));
  const rules = (await renderObjects(everything.values)).flatMap((object) => object.rules ?? []);
  expect(reasons).toHaveLength(rules.length);
  for (const reason of reasons)
    expect(reason).toMatch(
      /^  # (quarry|provisioner|resizer|snapshotter|snapshot-metadata)(,? (and )?(resizer|snapshotter|snapshot-metadata))*: \S/,
    );
  expect(JSON.stringify(rules)).not.toContain('*');
});

test.each([
  ['an unknown value', { node: { lvmMod: 'host' } }, /lvmMod/],
  ['a driver name that no kubelet takes', { driver: 'Quarry' }, /driver/],
  ['existing certificates without their authority', { certificates: { from: 'existing', secret: 'x' } }, /authority/],
  [
    'certificates of cert-manager without an issuer',
    { certificates: { from: 'cert-manager', authority: 'x' } },
    /issuer/,
  ],
  [
    'changed blocks without the snapshotter',
    { controller: { snapshotMetadata: { enabled: true, authority: 'x' } } },
    /snapshotter/,
  ],
  [
    'changed blocks without the authority',
    { controller: { snapshotter: { enabled: true }, snapshotMetadata: { enabled: true } } },
    /snapshotMetadata.authority/,
  ],
  ['a Kubernetes without VolumeAttributesClass', {}, /kubeVersion/, 'v1.33.0'],
  [
    'certificates of the chart without the cluster',
    { certificates: { from: 'chart' } },
    /helm install or helm upgrade/,
  ],
  ['no name of the image', { image: { registry: 'registry.example' } }, /image\.repository is not set/],
  [
    'a PodMonitor that cannot authenticate',
    { metrics: { enabled: true, secure: true, podMonitor: { enabled: true } } },
    /metrics\.podMonitor\.authorization/,
  ],
  [
    'a PodMonitor that cannot authenticate to nodes',
    { metrics: { enabled: true, nodes: { enabled: true, secret: 'x' }, podMonitor: { enabled: true } } },
    /metrics\.podMonitor\.authorization/,
  ],
  ['metrics of nodes without their Secret', { metrics: { nodes: { enabled: true } } }, /metrics\.nodes\.secret/],
  ['a PodMonitor without reachable metrics', { metrics: { podMonitor: { enabled: true } } }, /metrics\.enabled/],
])('refuses %s', async (_, values, words, version = 'v1.36.0') => {
  await expect(renderChart({ ...given, ...values }, version)).rejects.toThrow(words);
});

test('a change of the configuration restarts only the pods of its role', async () => {
  const templates = async (values: object): Promise<unknown[]> => {
    const objects = await renderObjects(values);
    return [findObject(objects, 'Deployment', 'quarry-controller'), findObject(objects, 'DaemonSet', 'quarry-node')];
  };
  const [controller, node] = await templates({});
  const [sameController, otherNode] = await templates({ node: { lvmMode: 'container' } });
  const [otherController, sameNode] = await templates({ controller: { placement: 'pack' } });
  expect([sameController, sameNode]).toEqual([controller, node]);
  expect(otherController).not.toEqual(controller);
  expect(otherNode).not.toEqual(node);
});

test('the plain manifest equals the output of the chart', async () => {
  expect(readFileSync(MANIFEST, 'utf8')).toBe(await renderManifest());
});
