import type { Patience } from '../concurrency/patience.ts';
import type { Bytes } from '../domain/bytes.ts';
import type { Run } from '../exec/run.ts';
import { withReader } from './device.ts';
import { decodeXfs, xfsSuperblockLength } from './superblock.ts';
import { must } from './tool.ts';

/** Copies that are compared at most, spread over the filesystem. */
const mostCopies = 64;
/** Milliseconds. */
const deadline = 60_000;

/**
 * The smallest size that the superblock of an XFS and its copies say, in bytes; `undefined` for a device without XFS. The kernel grows the superblock through
 * its log, and then writes the copies, one in each allocation group, without a flush. xfs_repair believes the majority: if a power cut took the new copies, it
 * makes the filesystem as small as it was, and removes the files behind that (tried with xfsprogs 6.13). Throws `unavailable`.
 */
export function smallestSizeOfXfs(patience: Patience, device: string): Promise<Bytes | undefined> {
  return withReader(patience, device, async (read) => {
    const first = decodeXfs(await read(0, xfsSuperblockLength));
    if (!first) return undefined;
    const { size, groups, groupSize } = first;
    const copies = Math.min(groups - 1, mostCopies);
    const compared = Array.from({ length: copies }, (_, copy) => Math.ceil(((copy + 1) * (groups - 1)) / copies));
    const said = compared.map(
      async (group) => decodeXfs(await read(group * groupSize, xfsSuperblockLength))?.size ?? 0n,
    );
    return (await Promise.all(said)).reduce((least, one) => (one < least ? one : least), size);
  });
}

/**
 * Lets the kernel write the copies again, which it does when a mounted filesystem gets a label: that which it has. A label that xfs_io cannot be given
 * stays, and so do the copies. Throws `unavailable`.
 */
export async function renewCopies(run: Run, patience: Patience, device: string, target: string): Promise<void> {
  const label = await withReader(
    patience,
    device,
    async (read) => decodeXfs(await read(0, xfsSuperblockLength))?.label ?? '',
  );
  if (!/^[!-~]*$/.test(label)) return;
  const command = label === '' ? 'label -c' : `label -s ${label}`;
  const what = `the copies of the superblock of ${device} could not be written again`;
  await must(run, ['xfs_io', '-c', command, target], deadline, what);
}
