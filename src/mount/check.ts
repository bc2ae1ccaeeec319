import { Failure } from '../domain/errors.ts';
import { readHeader } from './device.ts';
import type { ProbeTools } from './probe.ts';
import { decodeSuperblock } from './superblock.ts';
import { saidBy } from './tool.ts';

/** Milliseconds. Checking terabytes takes hours, and a check that is killed starts from the beginning. */
export const checkDeadline = 6 * 3600 * 1000;

/**
 * Checks an ext4 and repairs it if needed. One that was unmounted cleanly is checked only if `thorough` is set. Throws `precondition` if
 * an administrator has to decide.
 */
export async function checkExt4({ run, patience }: ProbeTools, device: string, thorough: boolean): Promise<void> {
  if (!thorough && decodeSuperblock('ext4', await readHeader(patience, device))?.clean) return;
  const result = await run(['e2fsck', '-p', ...(thorough ? ['-f'] : []), device], { deadline: checkDeadline });
  // e2fsck(8): 0 no errors, 1 all errors corrected; 4 is added if errors are left.
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
