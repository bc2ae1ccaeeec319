import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { EXAMPLE_VALUES } from '../../deploy/render.ts';
import { withChangedBlocks } from '../support/chart.ts';

const pool = {
  name: 'fast',
  volumeGroup: 'group-fast',
  type: 'thin',
  approve: 'automatic',
  disks: { paths: ['/dev/disk/by-id/nvme-*'] },
  budget: { readIops: '400k' },
};

/** Of the jobs of a node. */
const bounds = { total: 9, creation: 7, copy: 6, erase: 5, repair: 8 };

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

function sidecar(name: string, memory: string): object {
  return {
    image: { registry: 'mirror.example', repository: `example/${name}`, tag: 'v1', digest },
    resources: { requests: { memory } },
    extraArgs: [`--flag-of-${name}`],
  };
}

/** The values that both kinds of pods have. */
function pods(of: string): object {
  return {
    nodeSelector: { [`for-${of}`]: 'yes' },
    tolerations: [{ key: `taint-of-${of}`, operator: 'Exists' }],
    affinity: {
      podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: `affinity-of-${of}` }] },
    },
    priorityClassName: `priority-of-${of}`,
    terminationGracePeriodSeconds: of === 'nodes' ? 31_001 : 41,
    livenessProbe: { periodSeconds: of === 'nodes' ? 41 : 42 },
    readinessProbe: { periodSeconds: of === 'nodes' ? 51 : 52 },
    podLabels: { [`label-of-${of}`]: 'yes' },
    podAnnotations: { [`annotation-of-${of}`]: 'yes' },
    extraArgs: [`--argument-of-${of}`],
    extraEnv: [{ name: `VARIABLE_OF_${of.toUpperCase()}`, value: 'x' }],
    extraVolumes: [{ name: `volume-of-${of}`, emptyDir: {} }],
    extraVolumeMounts: [{ name: `volume-of-${of}`, mountPath: `/mount-of-${of}` }],
    serviceAccount: { create: true, name: `account-of-${of}`, annotations: { [`on-account-of-${of}`]: 'yes' } },
  };
}

function wordsOfPods(of: string): string[] {
  return [
    `for-${of}: "yes"`,
    `key: taint-of-${of}`,
    `topologyKey: affinity-of-${of}`,
    `priorityClassName: priority-of-${of}`,
    `terminationGracePeriodSeconds: ${of === 'nodes' ? 31_001 : 41}`,
    `periodSeconds: ${of === 'nodes' ? 41 : 42}`,
    `periodSeconds: ${of === 'nodes' ? 51 : 52}`,
    `label-of-${of}: "yes"`,
    `annotation-of-${of}: "yes"`,
    `- --argument-of-${of}`,
    `name: VARIABLE_OF_${of.toUpperCase()}`,
    `- emptyDir: {}\n          name: volume-of-${of}`,
    `mountPath: /mount-of-${of}`,
    `serviceAccountName: account-of-${of}`,
    `on-account-of-${of}: "yes"`,
  ];
}

const owned = { from: 'existing', secret: 'my-secret', authority: 'my-authority' };

/** Every value of the chart, none at its default, and the text that each must produce. */
export const everything = {
  values: {
    driver: 'disks.example.org',
    image: { registry: 'images.example', repository: 'example/driver', tag: 'v9', digest, pullPolicy: 'Always' },
    imagePullSecrets: [{ name: 'pull-secret' }],
    logLevel: 'debug',
    pools: [pool],
    nodeGroups: [{ name: 'big', nodeSelector: { 'in-group': 'big' }, pools: [{ ...pool, volumeGroup: 'group-big' }] }],
    storageClasses: [
      {
        name: 'class-of-volumes',
        default: true,
        annotations: { 'on-class': 'yes' },
        parameters: { pool: 'fast' },
        reclaimPolicy: 'Retain',
        allowVolumeExpansion: false,
        volumeBindingMode: 'Immediate',
        mountOptions: ['noatime'],
        allowedTopologies: [{ matchLabelExpressions: [{ key: 'zone-of-class', values: ['z'] }] }],
      },
    ],
    inlineVolumes: { enabled: true, labels: { 'profile-of-inline': 'restricted' } },
    volumeAttributesClasses: [{ name: 'class-of-limits', parameters: { readIops: '17k' } }],
    volumeSnapshotClasses: [
      { name: 'class-of-snapshots', default: true, deletionPolicy: 'Retain', parameters: { snapshotSize: '21%' } },
    ],
    certificates: { ...owned, days: 11, issuer: { name: 'not-used' } },
    networkPolicy: { enabled: true, nodeNetworks: ['10.9.0.0/16'] },
    metrics: {
      enabled: true,
      from: [{ podSelector: { matchLabels: { 'may-scrape': 'yes' } } }],
      secure: true,
      nodes: { enabled: true, port: 9811, secret: 'secret-of-nodes' },
      podMonitor: {
        enabled: true,
        labels: { 'for-monitor': 'main' },
        interval: '31s',
        scrapeTimeout: '11s',
        authorization: { credentials: { name: 'prometheus-token', key: 'token' } },
      },
      prometheusRule: { enabled: true, labels: { 'for-prometheus': 'main' } },
      dashboard: { enabled: true, labels: { 'for-grafana': 'main' }, annotations: { 'folder-of-dashboard': 'disks' } },
    },
    controller: {
      ...pods('controllers'),
      replicaCount: 3,
      placement: 'pack',
      statusPage: { enabled: true },
      nodeGone: 'forget',
      nodeGoneAfter: '2h',
      orphansAfter: '7m',
      resources: { requests: { memory: '129Mi' } },
      topologySpreadConstraints: [
        { maxSkew: 3, topologyKey: 'zone-of-controllers', whenUnsatisfiable: 'DoNotSchedule' },
      ],
      updateStrategy: { type: 'Recreate' },
      sidecarProbe: { periodSeconds: 54 },
      provisioner: sidecar('provisioner', '131Mi'),
      resizer: sidecar('resizer', '132Mi'),
      snapshotter: { enabled: true, groups: true, ...sidecar('snapshotter', '133Mi') },
      snapshotMetadata: { enabled: true, authority: 'PEM of my authority', ...sidecar('snapshot-metadata', '134Mi') },
    },
    node: {
      ...pods('nodes'),
      kubeletDirectory: '/var/lib/k0s/kubelet',
      lvmMode: 'container',
      registration: 'external',
      metricsPort: 9909,
      snapshots: { pauseLimit: '7s' },
      inline: { maxSize: '77Gi', pools: ['fast'] },
      jobs: { ...bounds, copyRate: '99Mi', eraseRate: '77Mi', repairRate: '33Mi', repairAfter: '7m' },
      resources: { requests: { memory: '130Mi' } },
      updateStrategy: { type: 'OnDelete' },
    },
    nameOverride: 'storage',
    fullnameOverride: 'disks',
    namespaceOverride: 'elsewhere',
    commonLabels: { 'on-all': 'label' },
    commonAnnotations: { 'on-everything': 'annotation' },
  },
  words: [
    'name: "disks.example.org"\n',
    'driver: disks.example.org\n',
    '/run/quarry/disks.example.org/lvm',
    `image: images.example/example/driver@${digest}\n`,
    'imagePullPolicy: Always',
    'name: pull-secret',
    'level: debug',
    'volumeGroup: group-fast',
    'readIops: 400k',
    'secretName: my-secret',
    'name: my-authority',
    'for-prometheus: main',
    'for-grafana: main',
    'folder-of-dashboard: disks',
    'replicas: 3',
    'placement: pack',
    'statusPage: { listen: 127.0.0.1:9811 }',
    'nodeGone: forget',
    'nodeGoneAfter: 2h',
    'orphansAfter: 7m',
    'snapshots: watch',
    'memory: 129Mi',
    ...wordsOfPods('controllers'),
    ...wordsOfPods('nodes'),
    'topologyKey: zone-of-controllers',
    'type: Recreate',
    'periodSeconds: 54',
    `image: mirror.example/example/provisioner@${digest}`,
    '--flag-of-provisioner',
    `image: mirror.example/example/resizer@${digest}`,
    '--flag-of-resizer',
    `image: mirror.example/example/snapshotter@${digest}`,
    '--flag-of-snapshotter',
    'memory: 133Mi',
    'CSIVolumeGroupSnapshot=true',
    `image: mirror.example/example/snapshot-metadata@${digest}`,
    '--flag-of-snapshot-metadata',
    `caCert: ${Buffer.from('PEM of my authority').toString('base64')}`,
    'memory: 134Mi',
    'path: /var/lib/k0s/kubelet,',
    'directory: /var/lib/k0s/kubelet/plugins_registry',
    'mode: container',
    'mode: external',
    'listen: "127.0.0.1:9909"',
    'secureListen: "0.0.0.0:9811"',
    'port: 9909',
    'total: 9',
    'creation: 7',
    'copy: 6',
    'copyRate: 99Mi',
    'eraseRate: 77Mi',
    'repair: 8',
    'repairRate: 33Mi',
    'repairAfter: 7m',
    'memory: 130Mi',
    'type: OnDelete',
    'in-group: big',
    'volumeGroup: group-big',
    'name: "class-of-volumes"',
    'on-class: "yes"',
    'storageclass.kubernetes.io/is-default-class: "true"',
    'reclaimPolicy: Retain',
    'allowVolumeExpansion: false',
    'volumeBindingMode: Immediate',
    '- noatime',
    'key: zone-of-class',
    'name: "class-of-limits"',
    'readIops: 17k',
    'name: "class-of-snapshots"',
    'snapshot.storage.kubernetes.io/is-default-class: "true"',
    'deletionPolicy: Retain',
    'snapshotSize: 21%',
    'volumeLifecycleModes: [Persistent, Ephemeral]',
    'profile-of-inline: restricted',
    'maxSize: 77Gi',
    'cidr: "10.9.0.0/16"',
    'may-scrape: "yes"',
    'for-monitor: main',
    'interval: 31s',
    'scrapeTimeout: 11s',
    'name: "disks-controller"',
    'namespace: elsewhere',
    'app.kubernetes.io/name: storage',
    'on-all: label',
    'on-everything: annotation',
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
  'images without a registry': { image: { registry: '', repository: 'quarry', tag: 'lab', pullPolicy: 'Never' } },
  'ServiceAccounts that exist, and no NetworkPolicy': {
    networkPolicy: { enabled: false },
    controller: { serviceAccount: { create: false, name: 'mine' } },
    node: { serviceAccount: { create: false, name: 'my-nodes' } },
  },
  'changed blocks': withChangedBlocks,
  'certificates of cert-manager': { certificates: certManager },
  'certificates that are there': { certificates: owned },
};
