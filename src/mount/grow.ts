import type { FilesystemType } from '../domain/volume.ts';
import type { Run } from '../exec/run.ts';
import { must } from './tool.ts';

const deadline = 600_000;

/** Grows a mounted filesystem to the size of its device; does nothing if it has that size. The mount at `target` must be writable. */
export async function growFilesystem(run: Run, type: FilesystemType, device: string, target: string): Promise<void> {
  await must(run, growCommand(type, device, target), deadline, `the ${type} of ${device} could not be grown`);
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
