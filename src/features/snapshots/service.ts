import { Failure } from '../../domain/errors.ts';
import { idBefore, pageOf, pageSize } from '../../domain/pages.ts';
import { snapshotMessage } from '../../domain/snapshot-message.ts';
import type { ControllerMethods } from '../../grpc/services.ts';
import { parseTake, requireSnapshotId } from './requests.ts';
import type { Snapshotter } from './snapshotter.ts';

/** CSI's calls about snapshots, for a driver of that name. */
export function createSnapshotService(snapshotter: Snapshotter, driver: string): Partial<ControllerMethods> {
  return {
    async createSnapshot(request, { signal }) {
      return { snapshot: snapshotMessage(await snapshotter.take(parseTake(request, driver), signal), driver) };
    },

    async deleteSnapshot({ snapshotId }, { signal }) {
      await snapshotter.remove(requireSnapshotId(snapshotId), signal);
      return {};
    },

    async getSnapshot({ snapshotId }, { signal }) {
      const id = requireSnapshotId(snapshotId);
      const snapshot = await snapshotter.find(id, signal);
      if (!snapshot) throw new Failure('not-found', `snapshot "${id}" does not exist`);
      return { snapshot: snapshotMessage(snapshot, driver) };
    },

    async listSnapshots({ maxEntries, startingToken, sourceVolumeId, snapshotId }) {
      const most = pageSize(maxEntries);
      const listed = snapshotter.list({ source: sourceVolumeId, id: snapshotId }, idBefore(startingToken), most);
      const page = pageOf(listed, ({ id }) => id, startingToken, most);
      return {
        entries: page.items.map((snapshot) => ({ snapshot: snapshotMessage(snapshot, driver) })),
        nextToken: page.nextToken,
      };
    },
  };
}
