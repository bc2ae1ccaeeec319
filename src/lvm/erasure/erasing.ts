import type { Bytes } from '../../domain/bytes.ts';
import type { Erasure } from '../../domain/erasure.ts';
import { type LvName, parseVolumeId, type VolumeId } from '../../domain/ids.ts';
import { erasureIn } from '../names.ts';
import { parseTags, tag, tagsOf } from '../tags.ts';
import type { TagChange } from '../arguments.ts';

/** The remains of a deleted volume, of a snapshot, or of the source of a copy, or all of a disk, which are to be erased and removed. */
export interface Erasing {
  readonly erasure: Erasure;
  /** The bytes that are erased on its disks. */
  readonly done: Bytes;
  /** The volume that it was, or belonged to. */
  readonly of: VolumeId | undefined;
  /** The UUID of the physical volume that it takes all of, to erase it before it leaves its group. */
  readonly disk?: string | undefined;
  /** All its tags, as LVM has them. */
  readonly tags: string;
}

/** Reads the name of a logical volume and its tags; `undefined`: it is not to be erased. */
export function parseErasing(lv: LvName, list: string): Erasing | undefined {
  const erasure = erasureIn(lv);
  if (erasure === undefined) return undefined;
  const tags = parseTags(list);
  if (!tags.has('v')) return undefined;
  const done = /^\d{1,19}$/.exec(tags.get('erased') ?? '')?.[0] ?? '0';
  const ids = [tags.get('for'), tags.get('source'), tags.get('id')];
  const of = ids.flatMap((id) => parseVolumeId(id ?? '')?.id ?? [])[0];
  return { erasure, done: BigInt(done), of, disk: tags.get('disk'), tags: list };
}

/** Leaves only the tags of what is to be erased: earlier versions, too, take it for nothing else. `undefined`: it has no others. */
export function remainingTags({ of, disk, tags }: Erasing): TagChange | undefined {
  const owner = [...(of === undefined ? [] : [tag('for', of)]), ...(disk === undefined ? [] : [tag('disk', disk)])];
  const wanted = [tag('v', '1'), tag('role', 'erase'), ...owner];
  const present = tags.split(',').filter((text) => text.startsWith('quarry.'));
  const stale = present.filter((text) => !wanted.includes(text) && !text.startsWith('quarry.erased='));
  const add = wanted.filter((text) => !present.includes(text));
  return add.length + stale.length === 0 ? undefined : { remove: stale, add };
}

/** Records how much is erased. All of it was flushed. */
export function progressTags({ tags }: Pick<Erasing, 'tags'>, done: Bytes): TagChange {
  return { remove: tagsOf(tags, 'erased'), add: tag('erased', String(done)) };
}
