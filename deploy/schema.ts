import * as z from 'zod';
import { pool } from '../src/config/pools.ts';
import { schemas } from '../src/config/schema.ts';

const { jobs, snapshots, inline } = schemas.node.shape;

/** Passed to Kubernetes as it is. */
const object = z.looseObject({});
const objects = z.array(object);
const texts = z.record(z.string(), z.string());
const text = z.string().min(1);
const flag = z.boolean();
const duration = z.string().regex(/^[0-9]{1,9}(ms|s|m|h)$/);
const name = z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/);
const parts = z.strictObject;
const count = (least: number) => z.int32().min(least);

const image = {
  registry: z.string(),
  repository: z.string(),
  tag: z.string(),
  digest: z.string().regex(/^(sha256:[0-9a-f]{64})?$/),
};
const sidecar = { image: parts(image).partial(), resources: object, extraArgs: z.array(text) };

/** The values that controllers and nodes have in common. */
const pods = {
  resources: object,
  nodeSelector: texts,
  tolerations: objects,
  affinity: object,
  priorityClassName: z.string(),
  updateStrategy: object,
  terminationGracePeriodSeconds: count(1),
  livenessProbe: object,
  readinessProbe: object,
  podLabels: texts,
  podAnnotations: texts,
  extraArgs: z.array(text),
  extraEnv: objects,
  extraVolumes: objects,
  extraVolumeMounts: objects,
  serviceAccount: parts({ create: flag, name: z.string(), annotations: texts }).partial(),
};

const classes = {
  storageClasses: z.array(
    parts({
      name,
      parameters: z.object({ pool: text }).catchall(z.string()),
      annotations: texts.optional(),
      default: flag.optional(),
      reclaimPolicy: z.enum(['Delete', 'Retain']).optional(),
      allowVolumeExpansion: flag.optional(),
      volumeBindingMode: z.enum(['WaitForFirstConsumer', 'Immediate']).optional(),
      mountOptions: z.array(text).optional(),
      allowedTopologies: objects.optional(),
    }),
  ),
  volumeAttributesClasses: z.array(parts({ name, parameters: texts, annotations: texts.optional() })),
  volumeSnapshotClasses: z.array(
    parts({
      name,
      annotations: texts.optional(),
      default: flag.optional(),
      parameters: texts.optional(),
      deletionPolicy: z.enum(['Delete', 'Retain']).optional(),
    }),
  ),
};

const metrics = {
  enabled: flag,
  from: objects,
  secure: flag,
  nodes: parts({ enabled: flag, port: count(1).max(65_535), secret: z.string() }).partial(),
  podMonitor: parts({
    enabled: flag,
    labels: texts,
    interval: duration,
    scrapeTimeout: duration,
    authorization: object,
  }).partial(),
  prometheusRule: parts({ enabled: flag, labels: texts }).partial(),
  dashboard: parts({ enabled: flag, labels: texts, annotations: texts }).partial(),
};

const controller = {
  ...pods,
  replicaCount: count(1),
  placement: z.enum(['spread', 'pack']),
  statusPage: parts({ enabled: flag }).partial(),
  nodeGone: z.enum(['keep', 'forget']),
  nodeGoneAfter: duration,
  orphansAfter: duration,
  topologySpreadConstraints: objects,
  sidecarProbe: object,
  provisioner: parts(sidecar).partial(),
  resizer: parts(sidecar).partial(),
  snapshotter: parts({ ...sidecar, enabled: flag, groups: flag }).partial(),
  snapshotMetadata: parts({ ...sidecar, enabled: flag, authority: z.string() }).partial(),
};

const node = {
  ...pods,
  kubeletDirectory: z.string().regex(/^\//),
  lvmMode: z.enum(['host', 'container']),
  registration: z.enum(['self', 'external']),
  metricsPort: count(1).max(65_535),
  terminationGracePeriodSeconds: count(30),
  jobs,
  snapshots,
  inline,
};

/** A group's name is a part of the names of its objects. `default` is that of the nodes in no group. */
const groupName = z
  .string()
  .max(16)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
  .meta({ not: { const: 'default' } });

/** The values of the chart, in the form of its file. All are optional, as Helm adds the defaults. Helm's JSON schema is made from it. */
export const chartSchema = parts({
  global: object,
  driver: z.string().regex(/^[a-z]([-a-z0-9.]{0,61}[a-z])?$/),
  image: parts({ ...image, pullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']) }).partial(),
  imagePullSecrets: z.array(z.looseObject({ name: text })),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']),
  pools: z.array(pool),
  nodeGroups: z.array(
    parts({
      name: groupName,
      nodeSelector: texts.meta({ minProperties: 1 }),
      pools: z.array(pool),
    }),
  ),
  ...classes,
  inlineVolumes: parts({ enabled: flag, labels: texts }).partial(),
  certificates: parts({
    from: z.enum(['chart', 'cert-manager', 'existing']),
    days: count(1),
    issuer: object,
    secret: z.string(),
    authority: z.string(),
  }).partial(),
  networkPolicy: parts({
    enabled: flag,
    nodeNetworks: z.array(z.string().regex(/^[0-9a-fA-F.:]+\/[0-9]{1,3}$/)),
  }).partial(),
  metrics: parts(metrics).partial(),
  controller: parts(controller).partial(),
  node: parts(node).partial(),
  nameOverride: z.string().max(32),
  fullnameOverride: z.string().regex(/^([a-z]([-a-z0-9]{0,38}[a-z0-9])?)?$/),
  namespaceOverride: z.string().max(63),
  commonLabels: texts,
  commonAnnotations: texts,
}).partial();
