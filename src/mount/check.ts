import { Failure } from '../domain/errors.ts';
import type { FilesystemType } from '../domain/volume.ts';
import type { Run } from '../exec/run.ts';
import { saidBy } from './tool.ts';

// A damaged filesystem of terabytes takes its time. Nobody kills the check: it would start from the beginning at each retry.
const deadline = 6 * 3600 * 1000;

/**
 * Makes a filesystem fit for mounting. xfs and btrfs replay their logs when mounted and have nothing else to do here.
 * `thorough` also examines an ext4 that calls itself clean. Throws `precondition` when a person has to decide.
 */
export async function checkFilesystem(
  run: Run,
  type: FilesystemType,
  device: string,
  thorough: boolean,
): Promise<void> {
  if (type !== 'ext4') return;
  const result = await run(['e2fsck', '-p', ...(thorough ? ['-f'] : []), device], { deadline });
  // e2fsck(8): 0 nothing wrong, 1 all mended; 4 is added when errors are left.
  if (result.exitCode === 0 || result.exitCode === 1) return;
  const said = saidBy('e2fsck', result);
  if ((result.exitCode & 4) === 0) {
    throw new Failure('unavailable', `the ext4 of ${device} could not be checked: ${said}`);
  }
  throw new Failure(
    'precondition',
    `the ext4 of ${device} has errors that need a decision; it was left alone. On the node, "e2fsck ${device}" asks for them one by one. ${said}`,
  );
}
