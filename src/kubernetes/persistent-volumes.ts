import type * as z from 'zod';
import type { PersistentVolumeRecord } from '../domain/persistent-volume.ts';
import type { Log } from '../log.ts';
import type { Api } from './api.ts';
import { listAll, listPage } from './list.ts';
import { createInformer } from './informer.ts';
import { persistentVolume, recordedVolume } from './objects.ts';

export interface PersistentVolumesOptions {
  readonly api: Api;
  readonly driver: string;
  readonly log: Log;
  readonly backoff?: { readonly least: number; readonly most: number };
}

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
export interface PersistentVolumes {
  start(): void;
  /** Volume ids from the PersistentVolumes, according to the watch; `undefined` while that is not known. */
  watched(): ReadonlySet<string> | undefined;
  /** The same from a new, complete list: for decisions that cannot be undone. Throws `unavailable`. */
  read(signal: AbortSignal): Promise<ReadonlySet<string>>;
  /** Some of the claims that the volumes are bound to: those of the page of that token, or else the first. Throws `unavailable`. */
  claims(token: string | undefined, signal: AbortSignal): Promise<ClaimPage>;
  /** Some of the PersistentVolumes, without those that are released or being deleted. Throws `unavailable`. */
  records(token: string | undefined, signal: AbortSignal): Promise<RecordPage>;
  stop(): Promise<void>;
}

const path = '/api/v1/persistentvolumes';

/** Watches after `start`, and again after `backoff` if the watch breaks. */
export function createPersistentVolumes({ driver, ...options }: PersistentVolumesOptions): PersistentVolumes {
  const read = (object: unknown): readonly [string, string] | undefined => {
    const { metadata, spec } = persistentVolume.parse(object);
    return spec.csi?.driver === driver ? [metadata.name, spec.csi.volumeHandle] : undefined;
  };
  const mirror = createInformer<string>({ ...options, path, read });
  return {
    start: () => mirror.start(),
    watched() {
      const view = mirror.view();
      return view && new Set(view.entries.values());
    },
    async read(signal) {
      const handles = new Set<string>();
      await listAll(options.api, path, signal, (object) => {
        const entry = read(object);
        if (entry) handles.add(entry[1]);
      });
      return handles;
    },
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
    stop: () => mirror.stop(),
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
