import type { Bytes } from '../../domain/bytes.ts';
import { parseVolumeId, type VolumeId } from '../../domain/ids.ts';
import type { LvRecord } from '../records.ts';
import { tag } from '../tags.ts';
import type { TagChange } from '../arguments.ts';

/** Room that a volume gets once it is written with zeros: a logical volume of its own until then. */
export interface Room extends LvRecord {
  readonly volume: VolumeId;
  /** The UUID of the volume's logical volume: another one of that name gets nothing. */
  readonly target: string;
  /** The bytes that are zeros on its disks. */
  readonly zeroed: Bytes;
}

export function roomTags(volume: VolumeId, target: string): string[] {
  return [tag('v', '1'), tag('role', 'room'), tag('for', volume), tag('grows', target)];
}

/** The rooms among logical volumes. */
export function roomsIn(records: readonly LvRecord[]): Room[] {
  return records.flatMap((record) => {
    const { tags } = record;
    const volume = tags.get('role') === 'room' ? parseVolumeId(tags.get('for') ?? '')?.id : undefined;
    if (volume === undefined) return [];
    const zeroed = /^\d{1,19}$/.exec(tags.get('zeroed') ?? '')?.[0] ?? '0';
    return [{ ...record, volume, target: tags.get('grows') ?? '', zeroed: BigInt(zeroed) }];
  });
}

/** Records how much of it is zeros. All of that was flushed. */
export function zeroedTags(before: Bytes, now: Bytes): TagChange {
  return { remove: before === 0n ? [] : tag('zeroed', String(before)), add: tag('zeroed', String(now)) };
}
