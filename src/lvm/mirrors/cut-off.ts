import type { Volume } from '../../domain/volume.ts';
import type { LvmReport } from '../inventory.ts';
import { isReplacedPart, raidPartOf } from '../names.ts';
import type { LvRecord } from '../records.ts';

/** Whether the creation of this volume was cut off while LVM made its copies: it has no data. */
export function creationCutOff(report: LvmReport, volume: Volume): boolean {
  return volume.state === 'creating' && copiesCutOff(report, volume);
}

/**
 * Whether the creation of this mirrored logical volume may have been cut off while its copies were made. To be asked of one that nothing was written to,
 * after an attempt to activate it. The metadata volumes of its copies are visible until LVM has wiped them. And it stays inactive for good if
 * the power was cut after the kernel had written its first superblock to some of the disks: it refuses the others as "new devices" (dm-raid).
 */
export function copiesCutOff(report: LvmReport, { group, lv }: Pick<LvRecord, 'group' | 'lv'>): boolean {
  return report.volumes.some((one) => {
    if (one.group !== group) return false;
    if (one.lv === lv) return one.isMirrored && !one.active;
    return raidPartOf(one.lv) === lv && !isReplacedPart(one.lv);
  });
}
