import type { KubernetesObject } from '../../lab/kubernetes/kubectl.ts';
import { IMAGES } from '../../lab/kubernetes/recipe.ts';

const IDLE = ['sh', '-c', 'trap exit TERM; sleep infinity & wait'];

export interface ClaimOptions {
  readonly className: string;
  readonly size: string;
  readonly mode?: 'Filesystem' | 'Block';
  readonly access?: 'ReadWriteOnce' | 'ReadWriteOncePod';
  readonly attributes?: string;
}

/** The volume of a pod at a path; below /dev it is a raw block device. */
export type Source =
  | { readonly claim: string; readonly readOnly?: boolean; readonly subPath?: string }
  | { readonly ephemeral: ClaimOptions }
  /** Attributes of an inline volume. */
  | { readonly inline: Readonly<Record<string, string>> };

export interface PodOptions {
  /** By path. */
  readonly volumes?: Readonly<Record<string, Source>>;
  readonly command?: readonly string[];
  /** Further fields of the pod's spec. */
  readonly spec?: object;
}

export function storageClass(
  name: string,
  parameters: Readonly<Record<string, string>>,
  more: object = {},
): KubernetesObject {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name },
    provisioner: 'lvm.quarry.csi',
    volumeBindingMode: 'WaitForFirstConsumer',
    allowVolumeExpansion: true,
    parameters,
    ...more,
  };
}

export function claim(name: string, options: ClaimOptions): KubernetesObject {
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name }, spec: claimSpec(options) };
}

function claimSpec({ className, size, mode, access, attributes }: ClaimOptions): object {
  return {
    accessModes: [access ?? 'ReadWriteOnce'],
    volumeMode: mode ?? 'Filesystem',
    storageClassName: className,
    ...(attributes !== undefined && { volumeAttributesClassName: attributes }),
    resources: { requests: { storage: size } },
  };
}

/** A pod that waits by default; tests run their commands in it. */
export function pod(name: string, options: PodOptions = {}): KubernetesObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: podSpec(options) };
}

function podSpec({ volumes = {}, command = IDLE, spec = {} }: PodOptions): object {
  const entries = Object.entries(volumes).map(([path, source], index) => ({ path, source, name: `volume-${index}` }));
  const isDevice = ({ path }: { path: string }): boolean => path.startsWith('/dev/');
  return {
    // No program here needs longer to end, and a pod that ignores SIGTERM must not delay a test.
    terminationGracePeriodSeconds: 5,
    containers: [
      {
        name: 'main',
        image: IMAGES.workload,
        imagePullPolicy: 'Never',
        command,
        volumeMounts: entries
          .filter((entry) => !isDevice(entry))
          .map(({ path, source, name }) => {
            const subPath = 'claim' in source ? source.subPath : undefined;
            return { name, mountPath: path, subPath };
          }),
        volumeDevices: entries.filter(isDevice).map(({ path, name }) => ({ name, devicePath: path })),
      },
    ],
    volumes: entries.map(({ source, name }) => volumeOf(name, source)),
    ...spec,
  };
}

function volumeOf(name: string, source: Source): object {
  if ('ephemeral' in source) return { name, ephemeral: { volumeClaimTemplate: { spec: claimSpec(source.ephemeral) } } };
  if ('inline' in source) return { name, csi: { driver: 'lvm.quarry.csi', volumeAttributes: source.inline } };
  return { name, persistentVolumeClaim: { claimName: source.claim, readOnly: source.readOnly ?? false } };
}

export interface StatefulSetOptions extends PodOptions {
  readonly replicas: number;
  /** The volume that each pod has at /data, or at /dev/data when it is raw. */
  readonly data: ClaimOptions;
  /** Further fields of the StatefulSet's spec. */
  readonly set?: object;
}

/** With its headless Service. */
export function statefulSet(
  name: string,
  { replicas, data, set = {}, ...options }: StatefulSetOptions,
): readonly KubernetesObject[] {
  const labels = { app: name };
  const volumes = { ...options.volumes, [data.mode === 'Block' ? '/dev/data' : '/data']: { claim: '' } };
  const spec = podSpec({ ...options, volumes }) as { volumes: { name: string; persistentVolumeClaim?: object }[] };
  const template = spec.volumes.at(-1)?.name;
  return [
    { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { clusterIP: 'None', selector: labels } },
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name },
      spec: {
        serviceName: name,
        replicas,
        podManagementPolicy: 'Parallel',
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { ...spec, volumes: spec.volumes.slice(0, -1) } },
        volumeClaimTemplates: [{ metadata: { name: template }, spec: claimSpec(data) }],
        ...set,
      },
    },
  ];
}
