import type { Patience } from '../concurrency/patience.ts';
import { Failure } from '../domain/errors.ts';
import type { Content } from '../domain/filesystems.ts';
import type { VolumeId } from '../domain/ids.ts';
import { filesystemTypes } from '../domain/volume.ts';
import type { Run } from '../exec/run.ts';
import { proveReadable, readHeader } from './device.ts';
import { markOf } from './mark.ts';
import { decodeSuperblock, type Superblock } from './superblock.ts';
import { saidBy } from './tool.ts';

const deadline = 30_000;

export interface ProbeTools {
  readonly run: Run;
  readonly patience: Patience;
}

/** Finds out what a device contains. Throws `unavailable` if that cannot be read: unknown is not blank. */
export async function probe(tools: ProbeTools, device: string, size: bigint, id: VolumeId): Promise<Content> {
  const { run, patience } = tools;
  const result = await run(['blkid', '-p', '-o', 'export', '--', device], { deadline });
  if (result.exitCode === 2) {
    // blkid gives the same answer for a device that it could not read.
    await proveReadable(patience, device, size);
    return { holds: 'nothing' };
  }
  if (result.exitCode === 8) return { holds: 'something', name: 'several signatures at once' };
  if (result.exitCode !== 0) {
    throw new Failure('unavailable', `the content of ${device} could not be determined: ${saidBy('blkid', result)}`);
  }
  const { name, uuid } = contentOf(result.stdout);
  const type = filesystemTypes.find((known) => known === name);
  if (!type) return { holds: 'something', name, uuid };
  const superblock = decodeSuperblock(type, await readHeader(patience, device));
  if (!superblock) return { holds: 'something', name: `a damaged ${type}` };
  return { holds: 'filesystem', type, size: superblock.size, unfinished: isUnfinished(superblock, id) };
}

/** The content in the output of `blkid -o export`: a filesystem's name, or a description for a message, and its UUID. */
function contentOf(output: string): { readonly name: string; readonly uuid: string | undefined } {
  const lines = output.split('\n').map((line) => {
    const at = line.indexOf('=');
    return [line.slice(0, at), line.slice(at + 1)] as const;
  });
  const found = new Map(lines);
  const table = found.get('PTTYPE');
  const untyped = table === undefined ? 'an unknown signature' : `a ${table} partition table`;
  return { name: found.get('TYPE') ?? untyped, uuid: found.get('UUID') };
}

/**
 * mke2fs writes the superblock early and marks it clean, and e2fsck trusts that, so a power cut during mkfs leaves an ext4 that only looks
 * complete. The mark proves that it was our mkfs, and the volume's tag is written before our first mount.
 */
function isUnfinished(superblock: Superblock, id: VolumeId): boolean {
  return superblock.inProgress === true || (superblock.neverMounted === true && superblock.uuid === markOf(id));
}
