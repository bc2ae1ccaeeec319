import { Failure } from '../../domain/errors.ts';
import { pageOf, pageSize } from '../../domain/pages.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import { topologyOf } from '../../domain/topology.ts';
import type { SnapshotInit } from '../../gen/csi/v1/Snapshot.ts';
import type { ControllerMethods } from '../../grpc/services.ts';
import { parseTake, requireSnapshotId } from './requests.ts';
import type { Snapshotter } from './snapshotter.ts';

/** CSI's calls about snapshots, for a driver of that name. */
export function createSnapshotService(snapshotter: Snapshotter, driver: string): Partial<ControllerMethods> {
  return {
    async createSnapshot(request, { signal }) {
      return { snapshot: toMessage(await snapshotter.take(parseTake(request, driver), signal), driver) };
    },

    async deleteSnapshot({ snapshotId }, { signal }) {
      await snapshotter.remove(requireSnapshotId(snapshotId), signal);
      return {};
    },

    async getSnapshot({ snapshotId }, { signal }) {
      const id = requireSnapshotId(snapshotId);
      const snapshot = await snapshotter.find(id, signal);
      if (!snapshot) throw new Failure('not-found', `snapshot "${id}" does not exist`);
      return { snapshot: toMessage(snapshot, driver) };
    },

    async listSnapshots({ maxEntries, startingToken, sourceVolumeId, snapshotId }) {
      const listed = snapshotter.list({ source: sourceVolumeId, id: snapshotId });
      const page = pageOf(listed, ({ id }) => id, startingToken, pageSize(maxEntries));
      return {
        entries: page.items.map((snapshot) => ({ snapshot: toMessage(snapshot, driver) })),
        nextToken: page.nextToken,
      };
    },
  };
}

function toMessage({ id, source, size, taken, node, state }: Snapshot, driver: string): SnapshotInit {
  return {
    snapshotId: id,
    sourceVolumeId: source,
    sizeBytes: String(size),
    creationTime: { seconds: String(Math.floor(taken / 1000)), nanos: (taken % 1000) * 1_000_000 },
    readyToUse: state === 'ready',
    accessibleTopology: [topologyOf(driver, node)],
  };
}
