import type { LvName, VgName } from '../../domain/ids.ts';
import type { LvmArguments } from '../process/lvm.ts';

const mirrorFields = 'lv_name,lv_size,lv_layout,lv_health_status,raid_sync_action,sync_percent,raid_max_recovery_rate';

/** Lists the state of the copies of a logical volume, or of a part of a thin pool. */
export function listMirror(group: VgName, lv: LvName): LvmArguments {
  return ['lvs', '-a', '-o', mirrorFields, `${group}/${lv}`];
}

/** Starts a repair: the kernel reads all copies and makes them equal. LVM answers before the repair ends. */
export function repairMirror(group: VgName, lv: LvName): LvmArguments {
  return ['lvchange', '--syncaction', 'repair', `${group}/${lv}`];
}

const copyFields = 'vg_name,lv_name,lv_size,lv_layout,lv_role,lv_parent,lv_health_status,raid_sync_action,devices';

/** Lists the hidden parts of a group's logical volumes too, one row for each segment. */
export function listParts(group: VgName): LvmArguments {
  return ['lvs', '-a', '-o', copyFields, group];
}

/** Puts the copies that are on missing disks on other disks of the group. LVM answers before they are complete. */
export function replaceCopies(group: VgName, lv: LvName): LvmArguments {
  return ['lvconvert', '-y', '--repair', `${group}/${lv}`];
}

/** Takes failed copies whose disks are back into use. The kernel then makes them complete. */
export function refreshVolume(group: VgName, lv: LvName): LvmArguments {
  return ['lvchange', '--refresh', `${group}/${lv}`];
}

/** @param rate KiB per second, for each copy */
export function limitRepair(group: VgName, lv: LvName, rate: bigint): LvmArguments {
  return ['lvchange', '--maxrecoveryrate', `${rate}k`, `${group}/${lv}`];
}
