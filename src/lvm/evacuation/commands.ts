import type { Bytes } from '../../domain/bytes.ts';
import type { LvName, VgName } from '../../domain/ids.ts';
import type { LvmArguments } from '../process/lvm.ts';
import type { Move } from './placement.ts';

/** Lists what is on each disk, hidden parts of logical volumes too. */
export const listSegments: LvmArguments = [
  'pvs',
  '--segments',
  '-o',
  'pv_name,pv_uuid,vg_name,pvseg_start,pvseg_size,lv_name,segtype',
];

/** Lists the moves of a group that have not ended, among its other logical volumes. */
export function listMoves(group: VgName): LvmArguments {
  return ['lvs', '-a', '-o', 'lv_name,move_pv,copy_percent', group];
}

/** LVM places nothing new on the disk, and the tag says why. It replaces those of an earlier decision. */
export function beginLeaving(
  device: string,
  added: string,
  earlier: readonly string[] = [],
  isUsed = earlier.length === 0,
): LvmArguments {
  const instead = [...earlier.flatMap((tag) => ['--deltag', tag]), ...(isUsed ? ['-x', 'n'] : [])];
  return ['pvchange', ...instead, '--addtag', added, device];
}

/** Lets LVM place something on a disk that leaves. */
export function useAgain(device: string): LvmArguments {
  return ['pvchange', '-x', 'y', device];
}

/** Makes a logical volume of `size` bytes on one disk. It stays inactive, and what is on the disk stays as it is. */
export function occupyDisk(
  group: VgName,
  { lv, tags, size }: { readonly lv: LvName; readonly tags: readonly string[]; readonly size: Bytes },
  device: string,
): LvmArguments {
  const marks = tags.flatMap((tag) => ['--addtag', tag]);
  const untouched = ['-a', 'n', '-W', 'n', '-Z', 'n'];
  return ['lvcreate', '-y', '-n', lv, ...marks, ...untouched, '-L', `${size}b`, group, device];
}

export function endLeaving(device: string, removed: readonly string[]): LvmArguments {
  return ['pvchange', '-x', 'y', ...removed.flatMap((tag) => ['--deltag', tag]), device];
}

/** Seconds between two looks of a `pvmove` that only begins a move; with the sign, it waits before the first one, too. */
export const untilCopied = '+3600';

/**
 * Begins a move: the kernel copies the extents, and writes go to both disks. The process then sleeps before it looks whether the copy is complete,
 * so that its data can be flushed before LVM forgets the old place.
 */
export function beginMove(from: string, { ranges, to }: Pick<Move, 'ranges' | 'to'>): LvmArguments {
  const extents = ranges.map(({ start, extents: count }) => `:${start}-${start + count - 1}`);
  return ['pvmove', '-i', untilCopied, `${from}${extents.join('')}`, to];
}

/** Activates a move that was cut off, and sleeps likewise. */
export function resumeMove(from: string): LvmArguments {
  return ['pvmove', '-i', untilCopied, from];
}

/** Ends a move whose copy is complete: from now on the extents are on the new disk only. */
export function endMove(from: string): LvmArguments {
  return ['pvmove', '-i', '1', from];
}

/** Makes the copy of a mirror that is on one disk on another one. LVM answers before it is complete, and refuses while any copy is not. */
export function replaceCopy(group: VgName, lv: LvName, from: string, to: string): LvmArguments {
  return ['lvconvert', '-y', '--replace', from, `${group}/${lv}`, to];
}

/** Ends a move that is not complete: the extents stay on the old disk. */
export function abortMove(from: string): LvmArguments {
  return ['pvmove', '--abort', from];
}
