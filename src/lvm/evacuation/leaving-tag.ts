import type { Bytes } from '../../domain/bytes.ts';
import type { DiskErasure } from '../../domain/erasure.ts';
import { parseTags, tag, tagsOf } from '../tags.ts';

/** An administrator's decision that everything on a disk moves to other disks, in a tag of the disk. */
export interface Leaving {
  /** Bytes that were on the disk when it was made. */
  readonly used: Bytes;
  /** Whether the disk leaves its group when nothing is on it any longer. */
  readonly removed: boolean;
  /** The UUID of the physical volume of the disk that replaces it, or `awaited`. */
  readonly replacement: string | undefined;
  /** How all of the disk is erased before it leaves its group; absent: not at all. */
  readonly erase?: DiskErase | undefined;
  /** As LVM has it. */
  readonly tags: readonly string[];
}

interface DiskErase {
  readonly method: DiskErasure;
  /** Something takes all of the disk until it is erased, or it is erased. */
  readonly begun: boolean;
}

/** Instead of a UUID: the disk is not in the group yet. */
export const awaited = 'awaited';

export function leavingTag({ used, removed, replacement, erase }: Omit<Leaving, 'tags'>): string {
  const to = replacement === undefined ? [] : [`to:${replacement}`];
  const erased = erase ? [`${erase.begun ? 'erasing' : 'erase'}:${erase.method}`] : [];
  return tag('leaving', [used, ...(removed ? ['removed'] : []), ...to, ...erased].join('/'));
}

/** @param list the tags of a disk, as LVM prints them */
export function parseLeaving(list: string): Leaving | undefined {
  const pattern = /^(\d+)(\/removed)?(?:\/to:([\w-]+))?(?:\/(erase|erasing):(\w+))?$/;
  const [, used, removed, replacement, state, word] = pattern.exec(parseTags(list).get('leaving') ?? '') ?? [];
  if (used === undefined) return undefined;
  // A word that only a newer version knows counts as the strongest.
  const method = word === 'discard' ? 'discard' : 'zero';
  const erase = state === undefined ? undefined : ({ method, begun: state === 'erasing' } as const);
  return { used: BigInt(used), removed: removed !== undefined, replacement, erase, tags: tagsOf(list, 'leaving') };
}
