import type { Bytes } from '../domain/bytes.ts';
import type { LvName, VgName } from '../domain/ids.ts';
import type { Layout } from '../domain/volume.ts';
import { layoutArguments, sizeArgument } from './layout.ts';
import type { LvmArguments } from './process/lvm.ts';

const lvFields =
  'vg_name,vg_uuid,lv_name,lv_uuid,lv_size,lv_attr,lv_time,lv_tags,pool_lv,data_percent,metadata_percent,lv_health_status,lv_check_needed,lv_when_full,lv_metadata_size,raid_sync_action,origin,origin_size';
const vgFields = 'vg_name,vg_uuid,vg_size,vg_free,vg_extent_size,vg_mda_size,vg_mda_free,vg_tags,vg_missing_pv_count';
const pvFields = 'pv_name,pv_uuid,vg_name,vg_uuid,pv_free,pv_size,dev_size,pv_allocatable,pv_missing,pv_tags';

const reportFields = { vg: vgFields, pv: pvFields, lv: lvFields, pvseg: 'pvseg_start', seg: 'seg_start' };

/**
 * Groups, devices and volumes in one command: each report first walks all of /sys/dev/block, which is most of its cost with a
 * thousand volumes. Segments cannot be left out, so the report has one field of them.
 */
export const listAll: LvmArguments = [
  'fullreport',
  ...Object.entries(reportFields).flatMap(([report, fields]) => ['--configreport', report, '-o', fields]),
];

/** Lists a logical volume, and before it, if one is given, the thin pool that it is in. */
export function listOne(group: VgName, lv: LvName, thinPool?: LvName): LvmArguments {
  const pool = thinPool === undefined ? [] : [`${group}/${thinPool}`];
  return ['lvs', '-o', `${lvFields},vg_tags`, ...pool, `${group}/${lv}`];
}

/** Lists the logical volumes of a group with their ids in thin pools, and of thin pools the transaction that LVM expects. */
export function listThin(group: VgName): LvmArguments {
  return ['lvs', '-o', 'vg_name,lv_name,lv_uuid,lv_tags,pool_lv,thin_id,transaction_id', group];
}

export interface NewVolume {
  readonly group: VgName;
  readonly lv: LvName;
  readonly size: Bytes;
  readonly layout: Layout;
  readonly thinPool: LvName;
  readonly tags: readonly string[];
  /** Of a thick volume: the only ones that LVM may take; absent: LVM chooses. */
  readonly disks?: readonly string[];
}

/**
 * LVM removes signatures from a thick volume and zeroes its start, because its extents may hold data of a deleted volume. A new
 * thin volume reads as zeros anyway.
 */
export function createVolume(volume: NewVolume): LvmArguments {
  const { group, layout, size, disks = [] } = volume;
  const tags = volume.tags.flatMap((tag) => ['--addtag', tag]);
  const shape =
    layout.type === 'thin'
      ? ['-V', sizeArgument(size), '--thinpool', `${group}/${volume.thinPool}`]
      : [...layoutArguments(layout), '-W', 'y', '-Z', 'y', '-L', sizeArgument(size), group, ...disks];
  return ['lvcreate', '-y', '-n', volume.lv, ...tags, ...shape];
}

/**
 * A thin snapshot of a logical volume: a volume of its own in the thin pool. LVM suspends the origin while it takes it, so that a mounted filesystem is
 * frozen. One that is `active` is activated now and whenever its group is; any other stays inactive.
 */
export function snapshotVolume(
  group: VgName,
  origin: LvName,
  { lv, tags, active }: { readonly lv: LvName; readonly tags: readonly string[]; readonly active: boolean },
): LvmArguments {
  const marks = tags.flatMap((tag) => ['--addtag', tag]);
  const activation = active ? ['-k', 'n', '-a', 'y'] : ['-k', 'y', '-a', 'n'];
  return ['lvcreate', '-y', '-s', '-n', lv, ...activation, ...marks, `${group}/${origin}`];
}

/**
 * A thick snapshot: copy-on-write, with `room` bytes for what its origin overwrites. It is read-only; LVM activates it with its origin, and cannot
 * leave it inactive. LVM suspends the origin while it takes it.
 */
export function snapshotThick(
  group: VgName,
  origin: LvName,
  { lv, tags, room }: { readonly lv: LvName; readonly tags: readonly string[]; readonly room: Bytes },
): LvmArguments {
  const marks = tags.flatMap((tag) => ['--addtag', tag]);
  return ['lvcreate', '-y', '-s', '-n', lv, '-p', 'r', '-L', sizeArgument(room), ...marks, `${group}/${origin}`];
}

/** An inactive thin volume, without content. */
export function createInactive({ group, lv, size, thinPool, tags }: Omit<NewVolume, 'layout'>): LvmArguments {
  const marks = tags.flatMap((tag) => ['--addtag', tag]);
  const shape = ['-V', sizeArgument(size), '--thinpool', `${group}/${thinPool}`];
  return ['lvcreate', '-y', '-n', lv, '-k', 'y', '-a', 'n', ...marks, ...shape];
}

/** Lists the thin pools of logical volumes, and the numbers that the volumes have in them. */
export function listThinIds(group: VgName, lvs: readonly LvName[]): LvmArguments {
  return ['lvs', '-o', 'lv_name,pool_lv,thin_id', ...lvs.map((lv) => `${group}/${lv}`)];
}

export function allowWrites(group: VgName, lv: LvName): LvmArguments {
  return ['lvchange', '-p', 'rw', `${group}/${lv}`];
}

export function renameVolume(group: VgName, lv: LvName, to: LvName): LvmArguments {
  return ['lvrename', group, lv, to];
}

/** Makes an ordinary logical volume of a thick snapshot: its room, with what the origin has overwritten. */
export function splitSnapshot(group: VgName, lv: LvName): LvmArguments {
  return ['lvconvert', '-y', '--splitsnapshot', `${group}/${lv}`];
}

/** Removes a logical volume whose content stays on the disks: a host may have LVM discard what it frees, and what a disk shows after a discard is its own affair. */
export function removeVolumeKept(group: VgName, lv: LvName): LvmArguments {
  return ['lvremove', '-y', '--config', 'devices/issue_discards=0', `${group}/${lv}`];
}

export function removeVolume(group: VgName, lv: LvName): LvmArguments {
  return ['lvremove', '-y', `${group}/${lv}`];
}

/** @param extents the only ones that LVM may take, as `listExtents` shows them; none: LVM chooses */
export function extendVolume(group: VgName, lv: LvName, size: Bytes, extents: readonly string[] = []): LvmArguments {
  return ['lvextend', '-y', '-L', sizeArgument(size), `${group}/${lv}`, ...extents];
}

/** Lists the extents of a linear or striped logical volume, by disk. */
export function listExtents(group: VgName, lv: LvName): LvmArguments {
  return ['lvs', '-o', 'lv_name,seg_pe_ranges', `${group}/${lv}`];
}

/** Activation would leave a process behind that ends a move which was cut off, without the flush that `lvm/evacuation` needs. */
const noPolling = ['--poll', 'n'];

/** Also a thin snapshot, which LVM leaves inactive with its group, and with a command that does not say `-K`. */
export function activateVolume(group: VgName, lv: LvName): LvmArguments {
  return ['lvchange', '-a', 'y', '-K', ...noPolling, `${group}/${lv}`];
}

/** Activates a thin pool or a thin volume of which some copies are on missing disks. LVM knows no milder mode for them. */
export function activatePartial(group: VgName, lv: LvName): LvmArguments {
  return ['lvchange', '-a', 'y', '-K', ...noPolling, '--activationmode', 'partial', `${group}/${lv}`];
}

export interface TagChange {
  readonly add?: string | readonly string[] | undefined;
  readonly remove?: string | readonly string[] | undefined;
}

export function lvchangeTags(group: VgName, lv: LvName, { add = [], remove = [] }: TagChange): LvmArguments {
  const changes = [
    ...[remove].flat().flatMap((tag) => ['--deltag', tag]),
    ...[add].flat().flatMap((tag) => ['--addtag', tag]),
  ];
  return ['lvchange', ...changes, `${group}/${lv}`];
}

export function activateGroup(group: VgName): LvmArguments {
  return ['vgchange', '-a', 'y', ...noPolling, group];
}

export function deactivateVolumes(group: VgName, lvs: readonly LvName[]): LvmArguments {
  return ['lvchange', '-a', 'n', '-y', ...lvs.map((lv) => `${group}/${lv}`)];
}
