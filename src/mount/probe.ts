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

/** Throws `unavailable` whenever the device did not tell: unknown is not blank. */
export async function probe(tools: ProbeTools, device: string, size: bigint, id: VolumeId): Promise<Content> {
  const { run, patience } = tools;
  const result = await run(['blkid', '-p', '-o', 'export', '--', device], { deadline });
  if (result.exitCode === 2) {
    // blkid says the same, and nothing else, of a device that it could not read.
    await proveReadable(patience, device, size);
    return { holds: 'nothing' };
  }
  if (result.exitCode === 8) return { holds: 'something', name: 'several signatures at once' };
  if (result.exitCode !== 0) {
    throw new Failure('unavailable', `what ${device} holds could not be found out: ${saidBy('blkid', result)}`);
  }
  const name = contentName(result.stdout);
  const type = filesystemTypes.find((known) => known === name);
  if (!type) return { holds: 'something', name };
  const superblock = decodeSuperblock(type, await readHeader(patience, device));
  if (!superblock) return { holds: 'something', name: `a damaged ${type}` };
  return { holds: 'filesystem', type, size: superblock.size, unfinished: isUnfinished(superblock, id) };
}

/** The kind of content from `blkid -o export`, for a message or to compare with a filesystem's name. */
export function contentName(output: string): string {
  const lines = output.split('\n').map((line) => {
    const at = line.indexOf('=');
    return [line.slice(0, at), line.slice(at + 1)] as const;
  });
  const found = new Map(lines);
  const table = found.get('PTTYPE');
  return found.get('TYPE') ?? (table === undefined ? 'an unknown signature' : `a ${table} partition table`);
}

/**
 * mke2fs writes its superblock among the first blocks and e2fsck takes its word that all is clean, so a power cut in mkfs leaves
 * an ext4 that only looks whole. The mark says that it was our mkfs; before any mount of ours the volume's tag is written.
 */
function isUnfinished(superblock: Superblock, id: VolumeId): boolean {
  return superblock.inProgress === true || (superblock.neverMounted === true && superblock.uuid === markOf(id));
}
