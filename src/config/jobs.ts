import { MiB } from '../domain/bytes.ts';
import { bytes, count, duration, section } from './fields.ts';

/** How many jobs of a kind run at once, and what they do. */
const most = (kind: string, by: number, does: string) =>
  count(1, 64)
    .default(by)
    .describe(
      `The most jobs of kind \`${kind}\` that run at once, 1 to 64: they ${does}. In each volume group, one runs at a time.`,
    );

/** How fast a job of a kind does what it does. @param mebibytes a second */
const rate = (kind: string, mebibytes: bigint, does: string, more = '') =>
  bytes(1n * MiB, 1024n * 1024n * MiB)
    .default(mebibytes * MiB)
    .describe(`The most bytes a second that a job of kind \`${kind}\` ${does}, 1Mi to 1Ti.${more}`);

/** The bounds of work that outlives a call. */
export const jobs = section({
  // No less than there are kinds.
  total: count(5, 64)
    .default(6)
    .describe(
      'The most jobs that run at once on the node, 5 to 64. One place is kept for each kind, so that no kind waits for another.',
    ),
  creation: most('creation', 4, 'end creations that were cut off'),
  copy: most('copy', 4, 'fill volumes with the content of a thick snapshot or volume'),
  copyRate: rate('copy', 256n, 'reads and writes'),
  erase: most('erase', 4, 'erase deleted volumes'),
  eraseRate: rate('erase', 256n, 'writes or discards'),
  repair: most(
    'repair',
    4,
    'make the copies of mirrors complete after the loss of a disk, and equal after an unclean stop',
  ),
  repairRate: rate(
    'repair',
    64n,
    'reads of each copy',
    ' LVM has no such limit for the metadata of a thin pool, which is small. A job of kind `creation` writes 1 MiB, and needs no limit.',
  ),
  evacuation: most('evacuation', 1, 'move everything from a disk to the other disks of its group'),
  evacuationRate: rate(
    'evacuation',
    64n,
    'moves on average',
    ' It moves two seconds worth of them at a time, at the full speed of the disks; creations and removals in the volume group wait meanwhile.',
  ),
  repairAfter: duration('0s', '24h')
    .default(300_000)
    .describe(
      'How long a missing disk is expected back, 0s to 24h. After that a job of kind `repair` makes its copies on other disks, and a disk that nothing lies on leaves its group. The time begins when this driver sees that the disk is missing.',
    ),
});
