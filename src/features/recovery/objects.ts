import { type PersistentVolumeRecord, parseRecord } from '../../domain/persistent-volume.ts';
import type { NodeName } from '../../domain/ids.ts';
import { topologyKey } from '../../domain/topology.ts';
import { filesystemTypes } from '../../domain/volume.ts';

/** A volume as its tags describe it. */
export interface Recoverable {
  readonly id: string;
  readonly node: string;
  /** The name that CreateVolume was called with: that of its PersistentVolume. */
  readonly name: string;
  /** Bytes. */
  readonly size: bigint;
  /** Its first use: see `FilesystemState`. */
  readonly filesystem: string;
  /** As `printRecord` writes it; empty: not recorded. */
  readonly persistentVolume: string;
}

export interface KubeObject {
  readonly apiVersion: 'v1';
  readonly kind: 'PersistentVolume' | 'PersistentVolumeClaim';
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [key: string]: unknown };
  readonly spec: object;
}

/** The objects of a volume, and what its tags do not say. */
export interface Recovered {
  readonly volume: KubeObject;
  readonly claim: KubeObject | undefined;
  readonly guessed: string | undefined;
}

/** The PersistentVolume as it was; from less than its record, one that deletes nothing and waits for a claim. */
export function recover(found: Recoverable, driver: string): Recovered {
  const recorded = parseRecord(found.persistentVolume);
  const record = recorded ?? guess(found);
  return {
    volume: persistentVolume(found, record, driver),
    claim: record.claim && persistentVolumeClaim(found, record, record.claim),
    guessed:
      recorded === undefined
        ? 'its tags have no claim, class, access modes, mount options and reclaim policy: compare them with those of the workload'
        : undefined,
  };
}

function guess({ name, filesystem }: Recoverable): PersistentVolumeRecord {
  return {
    name,
    reclaimPolicy: 'Retain',
    accessModes: ['ReadWriteOnce'],
    volumeMode: filesystem === 'block' ? 'Block' : 'Filesystem',
    fsType: filesystemTypes.find((type) => type === filesystem),
    mountOptions: [],
  };
}

/** The object of a record: `kubectl apply` takes it as it is. */
export function persistentVolume(
  { id, node, size }: Pick<Recoverable, 'id' | 'node' | 'size'>,
  record: PersistentVolumeRecord,
  driver: string,
): KubeObject {
  const { name, claim, storageClass = '', attributesClass, mountOptions, fsType } = record;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    // By this annotation the provisioner deletes the volume with its PersistentVolume, if the policy is Delete.
    metadata: { name, annotations: { 'pv.kubernetes.io/provisioned-by': driver } },
    spec: {
      capacity: { storage: String(size) },
      accessModes: record.accessModes,
      persistentVolumeReclaimPolicy: record.reclaimPolicy,
      storageClassName: storageClass,
      ...(attributesClass !== undefined && { volumeAttributesClassName: attributesClass }),
      volumeMode: record.volumeMode,
      ...(mountOptions.length > 0 && { mountOptions }),
      ...(claim && { claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', ...claim } }),
      csi: { driver, volumeHandle: id, ...(fsType !== undefined && { fsType }) },
      nodeAffinity: affinityTo(node as NodeName, driver),
    },
  };
}

function affinityTo(node: NodeName, driver: string): object {
  const matchExpressions = [{ key: topologyKey(driver), operator: 'In', values: [node] }];
  return { required: { nodeSelectorTerms: [{ matchExpressions }] } };
}

/** The claim of a record, bound to its PersistentVolume by name. */
export function persistentVolumeClaim(
  { size }: Pick<Recoverable, 'size'>,
  record: PersistentVolumeRecord,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace },
    spec: {
      accessModes: record.accessModes,
      resources: { requests: { storage: String(size) } },
      storageClassName: record.storageClass ?? '',
      ...(record.attributesClass !== undefined && { volumeAttributesClassName: record.attributesClass }),
      volumeMode: record.volumeMode,
      volumeName: record.name,
    },
  };
}
