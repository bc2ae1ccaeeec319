import type { Bytes } from '../../domain/bytes.ts';
import { parseTags, tag, tagsOf } from '../tags.ts';

/** An administrator's decision that everything on a disk moves to other disks, in a tag of the disk. */
export interface Leaving {
  /** Bytes that were on the disk when it was made. */
  readonly used: Bytes;
  /** Whether the disk leaves its group when nothing is on it any longer. */
  readonly removed: boolean;
  /** As LVM has it. */
  readonly tags: readonly string[];
}

export function leavingTag(used: Bytes, removed: boolean): string {
  return tag('leaving', `${used}${removed ? '/removed' : ''}`);
}

/** @param list the tags of a disk, as LVM prints them */
export function parseLeaving(list: string): Leaving | undefined {
  const [, used, removed] = /^(\d+)(\/removed)?$/.exec(parseTags(list).get('leaving') ?? '') ?? [];
  return used === undefined
    ? undefined
    : { used: BigInt(used), removed: removed !== undefined, tags: tagsOf(list, 'leaving') };
}
