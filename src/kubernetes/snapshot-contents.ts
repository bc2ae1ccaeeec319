import type { Log } from '../log.ts';
import type { Api } from './api.ts';
import { createInformer } from './informer.ts';
import { listAll } from './list.ts';
import { snapshotContent } from './objects.ts';

export interface SnapshotContentsOptions {
  readonly api: Api;
  readonly driver: string;
  readonly log: Log;
  readonly backoff?: { readonly least: number; readonly most: number };
}

/** The snapshots of the driver that have VolumeSnapshotContents. */
export interface SnapshotContents {
  start(): void;
  /**
   * Their ids, according to the watch; `undefined` while that is not known, as where Kubernetes has no such objects. Of a content that has no snapshot yet it has
   * the id of the volume: any snapshot of that may be the one.
   */
  watched(): ReadonlySet<string> | undefined;
  /** The same from a new, complete list. Throws `unavailable`. */
  read(signal: AbortSignal): Promise<ReadonlySet<string>>;
  stop(): Promise<void>;
}

const path = '/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents';

/** Watches after `start`, and again after `backoff` if the watch breaks. */
export function createSnapshotContents({ driver, ...options }: SnapshotContentsOptions): SnapshotContents {
  const read = (object: unknown): readonly [string, string] | undefined => {
    const { metadata, spec, status } = snapshotContent.parse(object);
    const handle = status?.snapshotHandle ?? spec.source.snapshotHandle ?? spec.source.volumeHandle;
    return spec.driver === driver && handle !== undefined ? [metadata.name, handle] : undefined;
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
    stop: () => mirror.stop(),
  };
}
