import type { GroupSnapshot } from '../../domain/group-snapshot.ts';
import { snapshotMessage, timestampOf } from '../../domain/snapshot-message.ts';
import type { VolumeGroupSnapshotInit } from '../../gen/csi/v1/VolumeGroupSnapshot.ts';
import type { GroupControllerMethods } from '../../grpc/services.ts';
import type { GroupSnapshotter } from './group-snapshotter.ts';
import { parseTake, requireGroupId } from './requests.ts';

/** CSI's GroupController, for a driver of that name. */
export function createGroupSnapshotService(snapshotter: GroupSnapshotter, driver: string): GroupControllerMethods {
  return {
    async groupControllerGetCapabilities() {
      return { capabilities: [{ rpc: { type: 'CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT' } }] };
    },

    async createVolumeGroupSnapshot(request, { signal }) {
      return { groupSnapshot: toMessage(await snapshotter.take(parseTake(request), signal), driver) };
    },

    async deleteVolumeGroupSnapshot({ groupSnapshotId, snapshotIds }, { signal }) {
      await snapshotter.remove(requireGroupId(groupSnapshotId), snapshotIds, signal);
      return {};
    },

    async getVolumeGroupSnapshot({ groupSnapshotId, snapshotIds }, { signal }) {
      const group = await snapshotter.get(requireGroupId(groupSnapshotId), snapshotIds, signal);
      return { groupSnapshot: toMessage(group, driver) };
    },
  };
}

function toMessage({ id, members }: GroupSnapshot, driver: string): VolumeGroupSnapshotInit {
  return {
    groupSnapshotId: id,
    snapshots: members.map((member) => snapshotMessage(member, driver)),
    creationTime: timestampOf(Math.max(...members.map(({ taken }) => taken))),
    readyToUse: members.every(({ state }) => state === 'ready'),
  };
}
