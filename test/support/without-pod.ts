import type { Member } from './fleet.ts';

const volumeCapability = { mount: { fsType: 'ext4' }, accessMode: { mode: 'SINGLE_NODE_WRITER' } } as const;

/** Publishes the volume at a path that is not kubelet's, so that no pod is known to use it. Returns what ends that. */
export async function publishWithoutPod({ guest, driver }: Member, volumeId: string): Promise<() => Promise<void>> {
  const { node } = driver.client;
  const staging = { volumeId, stagingTargetPath: `/tmp/${volumeId.replace(':', '-')}` };
  const published = { volumeId, targetPath: `${staging.stagingTargetPath}-target` };
  await guest.shell(`mkdir -p ${staging.stagingTargetPath}`);
  await node.nodeStageVolume({ ...staging, volumeCapability });
  await node.nodePublishVolume({ ...staging, ...published, volumeCapability });
  return async () => {
    await node.nodeUnpublishVolume(published);
    await node.nodeUnstageVolume(staging);
  };
}
