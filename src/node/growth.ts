import { smallestVolume } from '../domain/filesystems.ts';
import type { FilesystemType } from '../domain/volume.ts';
import type { NodeTools } from './ports.ts';

// The largest block of our filesystems: a filesystem cannot use less.
const growthThreshold = 64n * 1024n;

/** Whether the device has room that its filesystem does not use yet; true if the filesystem's size is unknown. */
export async function hasRoomToGrow(tools: NodeTools, device: string, type: FilesystemType): Promise<boolean> {
  const size = await tools.filesystems.sizeOn(device, type);
  const room = await tools.devices.size(device);
  return size === undefined || room - size >= growthThreshold;
}

/** The kernel refuses to resize a btrfs to less than 256 MiB (fs/btrfs/ioctl.c, btrfs_ioctl_resize). */
export async function canGrow(tools: NodeTools, device: string, type: FilesystemType): Promise<boolean> {
  return type !== 'btrfs' || (await tools.devices.size(device)) >= smallestVolume.btrfs;
}
