import type { CsiClient } from './csi-client.ts';
import { MiB, volumeRequest } from './driver.ts';
import type { Member } from './fleet.ts';

export const topology = (node: string) => ({ segments: { 'topology.lvm.quarry.csi/node': node } });
/** What makes a volume on that node. */
export const on = (node: string) => ({
  accessibilityRequirements: { requisite: [topology(node)], preferred: [topology(node)] },
});
export const create = ({ controller }: CsiClient, name: string, node: string) =>
  controller.createVolume(volumeRequest(name, 8 * MiB, on(node)));

/** Bytes for new volumes on the node, as the controller knows it. */
export async function capacity({ controller }: CsiClient, node: string): Promise<number> {
  const { availableCapacity } = await controller.getCapacity({ accessibleTopology: topology(node) });
  return Number(availableCapacity);
}

/** The ids of all volumes, as the controller knows them. */
export async function listed({ controller }: CsiClient): Promise<string[]> {
  const { entries } = await controller.listVolumes({});
  return entries.map(({ volume }) => volume?.volumeId ?? '').sort();
}

/** The logical volumes of a node, by CSI name. */
export async function made({ guest }: Member): Promise<string[]> {
  const lines = (await guest.shell('lvs --noheadings -o lv_name,lv_tags')).split('\n');
  const names = lines.filter((line) => line.includes('quarry.role=volume')).map((line) => line.trim().split(' ')[0]);
  return names.flatMap((name) => name ?? []).sort();
}
