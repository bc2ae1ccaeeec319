import type { LvName, VgName, VolumeId } from '../../domain/ids.ts';
import type { Volume } from '../../domain/volume.ts';
import type { LvmReport } from '../inventory.ts';
import { copySourceName } from '../names.ts';
import type { LvRecord } from '../records.ts';
import { tag } from '../tags.ts';

/** The snapshot of a volume that only its copy reads; it goes with the end of the copy. */
export interface CopySource {
  readonly group: VgName;
  readonly lv: LvName;
  readonly tags: readonly string[];
}

/** The one for a new volume. */
export function copySourceFor({ id, group, lv }: Pick<Volume, 'id' | 'group' | 'lv'>): CopySource {
  return { group, lv: copySourceName(lv), tags: [tag('v', '1'), tag('role', 'copy-source'), tag('for', id)] };
}

/** The volume that a logical volume was made to be copied to; `undefined` for any other logical volume. */
export function copiedTo({ tags }: Pick<LvRecord, 'tags'>): VolumeId | undefined {
  return tags.get('role') === 'copy-source' ? (tags.get('for') as VolumeId | undefined) : undefined;
}

/** The logical volume that a volume is copied from, as LVM shows it: the snapshot that it is made from, or the one that was taken of its source. */
export function copySourceIn({ volumes }: LvmReport, { id, group, source }: Volume): LvRecord | undefined {
  const ofGroup = volumes.filter((record) => record.group === group);
  if (source && 'snapshot' in source) return ofGroup.find(({ tags }) => tags.get('id') === source.snapshot);
  return ofGroup.find((record) => copiedTo(record) === id);
}
