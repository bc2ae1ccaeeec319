import { messageOf } from '../domain/errors.ts';
import type { DiskRule } from '../domain/pool.ts';
import { matchDevices } from './patterns.ts';
import { type BlockDevice, readBlockDevice, type Roots } from './sysfs.ts';

/** A block device that a rule matches, with the kernel's facts about it at that time. */
export interface Disk extends BlockDevice {
  /** The real path of its node, such as `/dev/sda`. */
  readonly device: string;
  /** The path that the rule matched, such as `/dev/disk/by-id/…`; for messages. */
  readonly path: string;
}

export interface Discovery {
  readonly disks: readonly Disk[];
  /** Devices that the rule matches and the kernel does not describe. */
  readonly unreadable: readonly { readonly device: string; readonly path: string; readonly problem: string }[];
}

/**
 * Devices that are seldom spare disks: a path with a wildcard does not match them, or partitions; a path without one does.
 * A volume in our thin pool is a `dm-…` too, and blank until it is written.
 */
const unlikely = /^(?:dm-|loop|zram|ram|sr|nbd|fd|mtdblock)\d/;

/** The devices that meet every part of the rule, in a stable order. Reads names and sysfs only: opens no device. */
export async function discover(rule: DiskRule, roots: Roots): Promise<Discovery> {
  const disks: Disk[] = [];
  const unreadable: { device: string; path: string; problem: string }[] = [];
  for (const { name, device, path, explicit } of await matchDevices(rule.paths, roots)) {
    if (!explicit && unlikely.test(name)) continue;
    try {
      const found = await readBlockDevice(roots.sys, name);
      if (found && (explicit || !found.isPartition) && meets(rule, found)) disks.push({ ...found, device, path });
    } catch (error) {
      unreadable.push({ device, path, problem: messageOf(error) });
    }
  }
  return { disks, unreadable };
}

function meets(rule: DiskRule, { size, rotational }: BlockDevice): boolean {
  // This is a drive without a medium, or a loop device without a file.
  if (size === 0n) return false;
  if (rule.minSize !== undefined && size < rule.minSize) return false;
  if (rule.maxSize !== undefined && size > rule.maxSize) return false;
  return rule.rotational === undefined || rule.rotational === rotational;
}
