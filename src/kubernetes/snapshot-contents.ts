import { createHandles, type Handles, type HandlesOptions } from './handles.ts';
import { snapshotContent } from './objects.ts';

const path = '/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents';

/**
 * The snapshots of the driver that have VolumeSnapshotContents. Of a content that has no snapshot yet it has the id of the volume: any snapshot of that may
 * be the one.
 */
export function createSnapshotContents({ driver, ...options }: HandlesOptions): Handles {
  const read = (object: unknown): readonly [string, string] | undefined => {
    const { metadata, spec, status } = snapshotContent.parse(object);
    const handle = status?.snapshotHandle ?? spec.source.snapshotHandle ?? spec.source.volumeHandle;
    return spec.driver === driver && handle !== undefined ? [metadata.name, handle] : undefined;
  };
  return createHandles(path, read, options);
}
