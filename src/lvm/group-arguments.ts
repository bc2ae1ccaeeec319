import type { Bytes } from '../domain/bytes.ts';
import type { VgName } from '../domain/ids.ts';
import { sizeArgument } from './layout.ts';
import type { LvmArguments } from './process/lvm.ts';

/** Takes a disk with nothing on it out of its group. */
export function removeDevice(group: VgName, device: string): LvmArguments {
  return ['vgreduce', group, device];
}

export interface NewDevice {
  readonly device: string;
  /** Starts with our mark, which stays on the disk if the next step is not reached. */
  readonly uuid: string;
  readonly metadataSize: Bytes;
  /** Overwrites a label that says that a group uses the device. */
  readonly force: boolean;
}

export function pvcreate({ device, uuid, metadataSize, force }: NewDevice): LvmArguments {
  const options = ['--norestorefile', '--uuid', uuid, '--metadatasize', sizeArgument(metadataSize)];
  return ['pvcreate', '-y', ...(force ? ['-ff'] : []), ...options, device];
}

export function vgcreate(group: VgName, device: string, tags: readonly string[]): LvmArguments {
  return ['vgcreate', '-y', ...withBackup, ...tags.flatMap((tag) => ['--addtag', tag]), group, device];
}

/** Records the tag in LVM's backup too, which identifies the group while it is missing. */
export function tagGroup(group: VgName, added: string): LvmArguments {
  return ['vgchange', ...withBackup, '--addtag', added, group];
}

export function untagGroup(group: VgName, removed: string): LvmArguments {
  return ['vgchange', '--deltag', removed, group];
}

/** Makes LVM write its backup of the group's metadata even if the host's configuration turns backups off. */
const withBackup = ['--config', 'backup/backup=1'];

export function recordGroup(group: VgName): LvmArguments {
  return ['vgcfgbackup', ...withBackup, group];
}

/** Writes the group's metadata as text into this file. */
export function writeMetadataTo(file: string, group: VgName): LvmArguments {
  return ['vgcfgbackup', '-f', file, group];
}

export function vgextend(group: VgName, device: string): LvmArguments {
  return ['vgextend', '-y', group, device];
}

/** A change of the group has recorded the disk as missing: LVM uses it again only after this command. */
export function restoreMissing(group: VgName, device: string): LvmArguments {
  return ['vgextend', '--restoremissing', group, device];
}

/** Removes missing disks that nothing lies on. Without `--force` LVM removes no logical volume. */
export function removeMissing(group: VgName): LvmArguments {
  return ['vgreduce', '--removemissing', group];
}

/** Writes the group's metadata again to all its disks, also to those whose metadata LVM cannot read. Without the option LVM leaves these out of every change. */
export function rewriteMetadata(group: VgName): LvmArguments {
  return ['vgck', '--updatemetadata', group];
}

/** Writes the text in the file as the committed metadata of one disk. LVM's `vgcfgrestore` cannot: it finds no metadata area to write to. */
export function restoreMetadata(file: string, device: string): LvmArguments {
  return ['pvck', '-y', '--repairtype', 'metadata', '-f', file, device];
}
