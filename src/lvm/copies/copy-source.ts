import type { Erasure } from '../../domain/erasure.ts';
import type { LvName, VgName, VolumeId } from '../../domain/ids.ts';
import type { Volume } from '../../domain/volume.ts';
import type { LvmReport } from '../inventory.ts';
import { copySourceName } from '../names.ts';
import type { LvRecord } from '../records.ts';
import { tag } from '../tags.ts';

/** The snapshot of a copy's source that only the copy reads; it goes with the end of the copy. */
export interface CopySource {
  readonly lv: LvName;
  readonly tags: readonly string[];
}

/** The one for a new volume, of an origin with this erasure. */
export function copySourceFor({ id, lv }: Pick<Volume, 'id' | 'lv'>, erase: Erasure | undefined): CopySource {
  const tags = [tag('v', '1'), tag('role', 'copy-source'), tag('for', id)];
  return { lv: copySourceName(lv), tags: erase ? [...tags, tag('erase', erase)] : tags };
}

/** The volume that a logical volume was made to be copied to; `undefined` for any other logical volume. */
export function copiedTo({ tags }: Pick<LvRecord, 'tags'>): VolumeId | undefined {
  return tags.get('role') === 'copy-source' ? (tags.get('for') as VolumeId | undefined) : undefined;
}

/** The logical volume that a volume is copied from, as LVM shows it: the snapshot that was taken for the copy, or the thick one that it is made from. */
export function copySourceIn({ volumes }: LvmReport, groups: readonly VgName[], copy: Volume): LvRecord | undefined {
  const ours = volumes.filter(({ group }) => groups.includes(group));
  const { id, source } = copy;
  const taken = ours.find((record) => copiedTo(record) === id);
  if (taken || !source || !('snapshot' in source)) return taken;
  return ours.find(({ tags, thickSnapshot }) => thickSnapshot && tags.get('id') === source.snapshot);
}
