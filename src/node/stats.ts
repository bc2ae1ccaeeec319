import type { VolumeUsageInit } from '../gen/csi/v1/VolumeUsage.ts';
import type { Amounts } from '../domain/filesystems.ts';
import type { NodeTools } from './ports.ts';
import type { PathRequest } from './requests.ts';
import { locate } from './mount-lookup.ts';

/** Bytes and inodes of a filesystem; only the size of a raw block device, because its use is unknown. */
export async function volumeUsage(
  tools: NodeTools,
  request: PathRequest,
  signal: AbortSignal,
): Promise<VolumeUsageInit[]> {
  const { device, mount } = await locate(tools, request, signal);
  if (mount.access === 'block') {
    return [{ unit: 'BYTES', total: String(await tools.devices.size(device)) }];
  }
  const { bytes, inodes } = await tools.filesystems.usage(device, mount.target);
  return inodes ? [toUsage('BYTES', bytes), toUsage('INODES', inodes)] : [toUsage('BYTES', bytes)];
}

function toUsage(unit: 'BYTES' | 'INODES', { total, used, available }: Amounts): VolumeUsageInit {
  return { unit, total: String(total), used: String(used), available: String(available) };
}
