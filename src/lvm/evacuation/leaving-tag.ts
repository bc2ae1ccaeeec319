import type { Bytes } from '../../domain/bytes.ts';
import { parseTags, tag, tagsOf } from '../tags.ts';

/** An administrator's decision that everything on a disk moves to other disks, in a tag of the disk. */
export interface Leaving {
  /** Bytes that were on the disk when it was made. */
  readonly used: Bytes;
  /** Whether the disk leaves its group when nothing is on it any longer. */
  readonly removed: boolean;
  /** The disk that replaces it: the UUID of its physical volume, or that it is not in the group yet. */
  readonly replacement: string | typeof awaited | undefined;
  /** As LVM has it. */
  readonly tags: readonly string[];
}

export const awaited = 'awaited';

export function leavingTag({ used, removed, replacement }: Omit<Leaving, 'tags'>): string {
  return tag('leaving', `${used}${removed ? '/removed' : ''}${replacement === undefined ? '' : `/to:${replacement}`}`);
}

/** @param list the tags of a disk, as LVM prints them */
export function parseLeaving(list: string): Leaving | undefined {
  const [, used, removed, replacement] =
    /^(\d+)(\/removed)?(?:\/to:([\w-]+))?$/.exec(parseTags(list).get('leaving') ?? '') ?? [];
  return used === undefined
    ? undefined
    : { used: BigInt(used), removed: removed !== undefined, replacement, tags: tagsOf(list, 'leaving') };
}
