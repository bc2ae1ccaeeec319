import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { EXAMPLE_VALUES } from '../../deploy/render.ts';

const pool = {
  name: 'fast',
  volumeGroup: 'group-fast',
  type: 'thin',
  approve: 'automatic',
  disks: { paths: ['/dev/disk/by-id/nvme-*'] },
  budget: { readIops: '400k' },
};

const owned = { from: 'existing', secret: 'my-secret', authority: 'my-authority' };

/** Every value of the chart, none at its default, and the text that each must produce. */
export const everything = {
  values: {
    driver: 'disks.example.org',
    image: { repository: 'example/driver', tag: 'v9', pullPolicy: 'Always' },
    imagePullSecrets: [{ name: 'pull-secret' }],
    logLevel: 'debug',
    pools: [pool],
    alerts: { enabled: true, labels: { 'for-prometheus': 'main' } },
    certificates: owned,
    controller: {
      replicas: 3,
      placement: 'pack',
      nodeGone: 'forget',
      nodeGoneAfter: '2h',
      orphansAfter: '7m',
      nodeNetworks: ['10.9.0.0/16'],
      resources: { requests: { memory: '129Mi' } },
      nodeSelector: { 'for-controllers': 'yes' },
      tolerations: [{ key: 'taint-of-controllers', operator: 'Exists' }],
      provisioner: { image: 'example/provisioner:v1', resources: { requests: { memory: '131Mi' } } },
      resizer: { image: 'example/resizer:v1', resources: { requests: { memory: '132Mi' } } },
      snapshotter: {
        enabled: true,
        groups: true,
        image: 'example/snapshotter:v1',
        resources: { requests: { memory: '133Mi' } },
      },
    },
    node: {
      kubeletDirectory: '/var/lib/k0s/kubelet',
      lvmMode: 'container',
      registration: 'external',
      metricsPort: 9909,
      snapshots: { pauseLimit: '7s' },
      jobs: { total: 9, creation: 7, copy: 6, copyRate: '99Mi', repair: 8, repairRate: '33Mi', repairAfter: '7m' },
      resources: { requests: { memory: '130Mi' } },
      nodeSelector: { 'with-disks': 'yes' },
      tolerations: [{ key: 'taint-of-nodes', operator: 'Exists' }],
    },
  },
  words: [
    'name: disks.example.org\n',
    'driver: disks.example.org\n',
    '/run/quarry/disks.example.org/lvm',
    'image: example/driver:v9\n',
    'imagePullPolicy: Always',
    'name: pull-secret',
    'level: debug',
    'volumeGroup: group-fast',
    'readIops: 400k',
    'secretName: my-secret',
    'name: my-authority',
    'for-prometheus: main',
    'replicas: 3',
    'placement: pack',
    'nodeGone: forget',
    'nodeGoneAfter: 2h',
    'orphansAfter: 7m',
    'memory: 129Mi',
    'for-controllers: "yes"',
    'key: taint-of-controllers',
    'image: example/provisioner:v1',
    'memory: 131Mi',
    'image: example/resizer:v1',
    'memory: 132Mi',
    'image: example/snapshotter:v1',
    'memory: 133Mi',
    'CSIVolumeGroupSnapshot=true',
    'path: /var/lib/k0s/kubelet,',
    'directory: /var/lib/k0s/kubelet/plugins_registry',
    'mode: container',
    'mode: external',
    'listen: "127.0.0.1:9909"',
    'port: 9909',
    'total: 9',
    'creation: 7',
    'copy: 6',
    'copyRate: 99Mi',
    'repair: 8',
    'repairRate: 33Mi',
    'repairAfter: 7m',
    'memory: 130Mi',
    'with-disks: "yes"',
    'key: taint-of-nodes',
  ],
} as const;

const certManager = {
  from: 'cert-manager',
  issuer: { kind: 'ClusterIssuer', name: 'internal' },
  authority: 'my-authority',
};

/** Ways to install it. */
export const cases: Readonly<Record<string, object>> = {
  'no values': {},
  'every value': everything.values,
  'the values of the examples': parse(readFileSync(EXAMPLE_VALUES, 'utf8')) as object,
  'LVM in the container': { node: { lvmMode: 'container' } },
  'images without a registry': { image: { repository: 'localhost/quarry', tag: 'lab', pullPolicy: 'Never' } },
  'certificates of cert-manager': { certificates: certManager },
  'certificates that are there': { certificates: owned },
};
