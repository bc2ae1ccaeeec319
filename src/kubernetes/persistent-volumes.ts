import type * as z from 'zod';
import type { PersistentVolumeRecord } from '../domain/persistent-volume.ts';
import { createHandles, type Handles, type HandlesOptions } from './handles.ts';
import { listPage } from './list.ts';
import { persistentVolume, recordedVolume } from './objects.ts';

/** Claims by volume id, and the token of the next page; absent: this was the last. */
export interface ClaimPage {
  readonly claims: readonly {
    readonly volume: string;
    readonly namespace: string;
    readonly name: string;
    readonly uid?: string | undefined;
  }[];
  readonly next?: string | undefined;
}

/** What is to be recorded of PersistentVolumes, by volume id, and the token of the next page; absent: this was the last. */
export interface RecordPage {
  readonly records: readonly { readonly volume: string; readonly record: PersistentVolumeRecord }[];
  readonly next?: string | undefined;
}

/** The volumes of the driver that have PersistentVolumes. */
export interface PersistentVolumes extends Handles {
  /** Some of the claims that the volumes are bound to: those of the page of that token, or else the first. Throws `unavailable`. */
  claims(token: string | undefined, signal: AbortSignal): Promise<ClaimPage>;
  /** Some of the PersistentVolumes, without those that are released or being deleted. Throws `unavailable`. */
  records(token: string | undefined, signal: AbortSignal): Promise<RecordPage>;
}

const path = '/api/v1/persistentvolumes';

/** Watches after `start`, and again after `backoff` if the watch breaks. */
export function createPersistentVolumes({ driver, ...options }: HandlesOptions): PersistentVolumes {
  const read = (object: unknown): readonly [string, string] | undefined => {
    const { metadata, spec } = persistentVolume.parse(object);
    return spec.csi?.driver === driver ? [metadata.name, spec.csi.volumeHandle] : undefined;
  };
  return {
    ...createHandles(path, read, options),
    async claims(token, signal) {
      const { items, next } = await listPage(options.api, path, token, signal);
      const claims = items.flatMap((object) => {
        const { spec } = persistentVolume.parse(object);
        const { namespace, name, uid } = spec.claimRef ?? {};
        if (spec.csi?.driver !== driver || namespace === undefined || name === undefined) return [];
        return [{ volume: spec.csi.volumeHandle, namespace, name, uid }];
      });
      return { claims, next };
    },
    async records(token, signal) {
      const { items, next } = await listPage(options.api, path, token, signal);
      return { records: items.flatMap((object) => readRecord(object, driver)), next };
    },
  };
}

/** None for a PersistentVolume of another driver, or one that has lost its claim. */
function readRecord(object: unknown, driver: string): RecordPage['records'] {
  const { metadata, spec, status } = recordedVolume.parse(object);
  if (spec.csi?.driver !== driver || metadata.deletionTimestamp !== undefined) return [];
  if (status?.phase === 'Released' || status?.phase === 'Failed') return [];
  return [{ volume: spec.csi.volumeHandle, record: recordOf(metadata.name, spec) }];
}

/** The record of a PersistentVolume from its fields in Kubernetes. */
export function recordOf(name: string, spec: z.output<typeof recordedVolume>['spec']): PersistentVolumeRecord {
  const { namespace, name: claim } = spec.claimRef ?? {};
  return {
    name,
    claim: namespace === undefined || claim === undefined ? undefined : { namespace, name: claim },
    storageClass: spec.storageClassName,
    attributesClass: spec.volumeAttributesClassName,
    reclaimPolicy: spec.persistentVolumeReclaimPolicy ?? 'Retain',
    accessModes: spec.accessModes ?? [],
    volumeMode: spec.volumeMode ?? 'Filesystem',
    fsType: spec.csi?.fsType,
    mountOptions: spec.mountOptions ?? [],
  };
}
