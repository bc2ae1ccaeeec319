import type { Kubectl, KubernetesObject } from '../../lab/kubernetes/kubectl.ts';
import { IMAGES } from '../../lab/kubernetes/recipe.ts';

const IDLE = ['sh', '-c', 'trap exit TERM; sleep infinity & wait'];

export interface PodStatus {
  readonly metadata: { readonly uid: string };
  readonly spec: { readonly nodeName?: string };
  readonly status: { readonly phase: string };
}

export function podOf(kubectl: Kubectl, name: string): Promise<PodStatus> {
  return kubectl.get<PodStatus>('pod', name);
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

/** The one container of every pod here: it waits, and tests run what they want in it. */
function container(more: object = {}): object {
  return { name: 'main', image: IMAGES.workload, imagePullPolicy: 'Never', command: IDLE, ...more };
}

function claimSpec(storageClassName: string, size: string, more: object = {}): object {
  return { accessModes: ['ReadWriteOnce'], storageClassName, resources: { requests: { storage: size } }, ...more };
}

/** With its headless Service; each pod has its volume at /data. */
export function statefulSet(
  name: string,
  { className, size, replicas }: { className: string; size: string; replicas: number },
): readonly KubernetesObject[] {
  const labels = { app: name };
  const template = {
    metadata: { labels },
    spec: { containers: [container({ volumeMounts: [{ name: 'data', mountPath: '/data' }] })] },
  };
  return [
    { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { clusterIP: 'None', selector: labels } },
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name },
      spec: {
        serviceName: name,
        replicas,
        selector: { matchLabels: labels },
        template,
        volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: claimSpec(className, size) }],
      },
    },
  ];
}
