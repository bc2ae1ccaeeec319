import { usableSize } from './encryption.ts';
import type { Snapshot } from './snapshot.ts';
import { topologyOf } from './topology.ts';

/** A snapshot in the form of CSI's message, for a driver of that name. */
export function snapshotMessage(snapshot: Snapshot, driver: string) {
  const { id, source, taken, node, memberOf, state } = snapshot;
  return {
    snapshotId: id,
    sourceVolumeId: source,
    sizeBytes: String(usableSize(snapshot)),
    creationTime: timestampOf(taken),
    readyToUse: state === 'ready',
    ...(memberOf && { groupSnapshotId: memberOf.id }),
    accessibleTopology: [topologyOf(driver, node)],
  };
}

/** @param milliseconds since the epoch */
export function timestampOf(milliseconds: number) {
  return { seconds: String(Math.floor(milliseconds / 1000)), nanos: (milliseconds % 1000) * 1_000_000 };
}
