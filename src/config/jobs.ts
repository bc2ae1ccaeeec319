import { MiB } from '../domain/bytes.ts';
import { bytes, count, duration, section } from './fields.ts';

/** The bounds of work that outlives a call. */
export const jobs = section({
  // No less than there are kinds.
  total: count(5, 64)
    .default(6)
    .describe(
      'The most jobs that run at once on the node, 5 to 64. One place is kept for each kind, so that no kind waits for another.',
    ),
  creation: count(1, 64)
    .default(4)
    .describe(
      'The most jobs of kind `creation` that run at once, 1 to 64: they end creations that were cut off. In each volume group, one runs at a time.',
    ),
  copy: count(1, 64)
    .default(4)
    .describe(
      'The most jobs of kind `copy` that run at once, 1 to 64: they fill volumes with the content of a thick snapshot or volume. In each volume group, one runs at a time.',
    ),
  copyRate: bytes(1n * MiB, 1024n * 1024n * MiB)
    .default(256n * MiB)
    .describe('The most bytes a second that a job of kind `copy` reads and writes, 1Mi to 1Ti.'),
  erase: count(1, 64)
    .default(4)
    .describe(
      'The most jobs of kind `erase` that run at once, 1 to 64: they erase deleted volumes. In each volume group, one runs at a time.',
    ),
  eraseRate: bytes(1n * MiB, 1024n * 1024n * MiB)
    .default(256n * MiB)
    .describe('The most bytes a second that a job of kind `erase` writes or discards, 1Mi to 1Ti.'),
  repair: count(1, 64)
    .default(4)
    .describe(
      'The most jobs of kind `repair` that run at once, 1 to 64: they make the copies of mirrors complete after the loss of a disk, and equal after an unclean stop. In each volume group, one runs at a time.',
    ),
  repairRate: bytes(1n * MiB, 1024n * 1024n * MiB)
    .default(64n * MiB)
    .describe(
      'The most bytes a second that a job of kind `repair` reads of each copy, 1Mi to 1Ti. LVM has no such limit for the metadata of a thin pool, which is small. A job of kind `creation` writes 1 MiB, and needs no limit.',
    ),
  evacuation: count(1, 64)
    .default(1)
    .describe(
      'The most jobs of kind `evacuation` that run at once, 1 to 64: they move everything from a disk to the other disks of its group. In each volume group, one runs at a time.',
    ),
  evacuationRate: bytes(1n * MiB, 1024n * 1024n * MiB)
    .default(64n * MiB)
    .describe(
      'The most bytes a second that a job of kind `evacuation` moves on average, 1Mi to 1Ti. It moves two seconds worth of them at a time, at the full speed of the disks; creations and removals in the volume group wait meanwhile.',
    ),
  repairAfter: duration('0s', '24h')
    .default(300_000)
    .describe(
      'How long a missing disk is expected back, 0s to 24h. After that a job of kind `repair` makes its copies on other disks, and a disk that nothing lies on leaves its group. The time begins when this driver sees that the disk is missing.',
    ),
});
