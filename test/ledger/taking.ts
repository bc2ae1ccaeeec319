import { type Driver, MiB, createVolume, untilDone } from '../support/driver.ts';

/** Snapshots of the volumes of a database, of one moment. */
export interface Taken {
  /** The id of the snapshot of each volume. */
  readonly members: ReadonlyMap<string, string>;
  readonly group?: string | undefined;
}

const idOf = (volume: string) => `node-1:${volume}`;

/** A group snapshot if there are several volumes. */
export async function take({ client }: Driver, volumes: readonly string[]): Promise<Taken> {
  const [only = '', ...more] = volumes;
  if (more.length === 0) {
    const request = { name: 'ledger', sourceVolumeId: idOf(only), parameters };
    const { snapshot } = await client.controller.createSnapshot(request);
    return { members: new Map([[only, snapshot?.snapshotId ?? '']]) };
  }
  const request = { name: 'ledgers', sourceVolumeIds: volumes.map(idOf), parameters };
  // On a busy machine the first attempt may take longer than writes may pause.
  const { groupSnapshot } = await untilDone(() => client.groupController.createVolumeGroupSnapshot(request));
  const members = (groupSnapshot?.snapshots ?? []).map(
    ({ sourceVolumeId, snapshotId }) => [sourceVolumeId.replace('node-1:', ''), snapshotId] as const,
  );
  return { members: new Map(members), group: groupSnapshot?.groupSnapshotId };
}

/** Room of a thick one: it must not become overfull while a volume is restored from it. */
const parameters = { snapshotSize: '100%' };

export async function removeTaken({ client }: Driver, { members, group }: Taken): Promise<void> {
  const snapshotIds = [...members.values()];
  if (group === undefined) for (const snapshotId of snapshotIds) await client.controller.deleteSnapshot({ snapshotId });
  else await client.groupController.deleteVolumeGroupSnapshot({ groupSnapshotId: group, snapshotIds });
}

/** How a volume is laid out and mounted. */
export interface Place {
  readonly pool: string;
  readonly fsType: string;
  readonly mebibytes: number;
  /** The path of its filesystem. */
  readonly folder: string;
}

/** Makes a volume and mounts it; with a snapshot, restored from that. */
export async function addVolume(driver: Driver, name: string, place: Place, snapshotId?: string): Promise<void> {
  const { pool, fsType, mebibytes, folder: stagingTargetPath } = place;
  const source = snapshotId === undefined ? {} : { volumeContentSource: { snapshot: { snapshotId } } };
  // A pool may become ready after the driver.
  await untilDone(() => createVolume(driver, name, mebibytes * MiB, { parameters: { pool }, ...source }));
  const volumeCapability = { mount: { fsType }, accessMode: { mode: 'SINGLE_NODE_WRITER' } } as const;
  await driver.client.node.nodeStageVolume({ volumeId: idOf(name), stagingTargetPath, volumeCapability });
}

export async function removeVolume({ client }: Driver, name: string, folder: string): Promise<void> {
  const volumeId = idOf(name);
  // A program that was ended may be there for a moment.
  await untilDone(() => client.node.nodeUnstageVolume({ volumeId, stagingTargetPath: folder }));
  await client.controller.deleteVolume({ volumeId });
}
