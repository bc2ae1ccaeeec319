import type { FilesystemType } from '../domain/volume.ts';
import { flush } from './device.ts';
import type { ProbeTools } from './probe.ts';
import { must } from './tool.ts';
import { renewCopies } from './xfs.ts';

const deadline = 600_000;

/**
 * Grows a mounted filesystem to the size of its device, and ends what an earlier growth that was cut off has left to do. All of it is on the disks then. The mount
 * at `target` must be writable.
 */
export async function growFilesystem(
  { run, patience }: ProbeTools,
  type: FilesystemType,
  device: string,
  target: string,
): Promise<void> {
  const what = `the ${type} of ${device} could not be grown`;
  const { stdout } = await must(run, growCommand(type, device, target), deadline, what);
  if (type === 'xfs' && !stdout.includes('data blocks changed')) await renewCopies(run, patience, device, target);
  await flush(patience, device);
}

function growCommand(type: FilesystemType, device: string, target: string): [string, ...string[]] {
  switch (type) {
    case 'ext4':
      return ['resize2fs', device];
    case 'xfs':
      return ['xfs_growfs', target];
    case 'btrfs':
      return ['btrfs', 'filesystem', 'resize', 'max', target];
  }
}
