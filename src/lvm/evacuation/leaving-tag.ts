import type { Bytes } from '../../domain/bytes.ts';
import { parseTags, tag, tagsOf } from '../tags.ts';

/** An administrator's decision that everything on a disk moves to other disks, in a tag of the disk. */
export interface Leaving {
  /** Bytes that were on the disk when it was made. */
  readonly used: Bytes;
  /** Whether the disk leaves its group when nothing is on it any longer. */
  readonly removed: boolean;
  /** The UUID of the physical volume of the disk that replaces it, or `awaited`. */
  readonly replacement: string | undefined;
  /** As LVM has it. */
  readonly tags: readonly string[];
}

/** Instead of a UUID: the disk is not in the group yet. */
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
