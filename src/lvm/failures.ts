import { Failure, type FailureKind } from '../domain/errors.ts';
import type { LvName, VgName } from '../domain/ids.ts';

/** LVM's messages for failures that callers branch on. All others are `unavailable`. */
const table: readonly [RegExp, FailureKind][] = [
  [/insufficient (?:free space|suitable allocatable extents)/i, 'exhausted'],
  [/not enough free/i, 'exhausted'],
  [/(?:VG|metadata).*(?:too large|out of space|no space)/i, 'exhausted'],
  [/no space left/i, 'exhausted'],
  [/exceeds maximum metadata size/, 'exhausted'],
  [/free space in .*(?:thin|pool)/i, 'exhausted'],
  [/already exists in volume group/i, 'exists'],
  [/\bin use\b|used by another device/i, 'precondition'],
  // Only of a logical volume: a group that LVM does not find may be on missing disks.
  [/failed to find logical volume/i, 'not-found'],
];

/** The failure that LVM's messages describe. */
export function lvmFailure(what: string, messages: readonly string[]): Failure {
  const text = messages.join('; ') || 'LVM gave no reason';
  const kind = table.find(([pattern]) => pattern.test(text))?.[1] ?? 'unavailable';
  return new Failure(kind, `${what}: ${text}${remedyFor(text)}`);
}

/** What an administrator can do about LVM's refusal; empty if LVM's words say it, or nothing is known. */
function remedyFor(text: string): string {
  const [, pool] = /Check of pool (\S+) failed/.exec(text) ?? [];
  if (pool !== undefined) return ` ("lvconvert --repair ${pool}" repairs its metadata)`;
  return /too large for circular buffer|exceeds maximum metadata size/.test(text)
    ? ' (the metadata area is full: delete volumes or tags)'
    : '';
}

/**
 * Whether the kernel refused a thin volume's table because the pool does not know the device: ENODATA from dm-thin's constructor,
 * printed by libdm (`_do_dm_ioctl`, "%s ioctl on %s failed: %s").
 */
export function lacksThinDevice({ message }: Failure): boolean {
  return /reload ioctl on .*failed: No data available/.test(message);
}

/**
 * The kernel's refusal of a thin snapshot that it has, as LVM words it (libdm, `_thin_pool_node_message`): the name of the pool's device, and the
 * snapshot's id in the pool; `undefined`: something else failed.
 */
export function repeatedSnapshot({ message }: Failure): { readonly device: string; readonly id: string } | undefined {
  const [, sent] = /Failed to process message "create_snap (\d+) \d+"/.exec(message) ?? [];
  const [, device, id] =
    /Thin pool (\S+) \(\d+:\d+\) already contain thin device with device_id (\d+)/.exec(message) ?? [];
  return device !== undefined && id !== undefined && id === sent ? { device, id } : undefined;
}

/** Whether LVM changed nothing because another program has a disk open exclusively (LVM's `dev_open_flags`). */
export function isHeld({ message }: Failure): boolean {
  return /Can't open \S+ exclusively/.test(message);
}

/** Whether LVM refused an activation because a part is on a missing disk (LVM's `lv_activate`). */
export function isPartial({ message }: Failure): boolean {
  return message.includes('Refusing activation of partial LV');
}

/**
 * The parts over which LVM refuses to activate a logical volume of the group, because they are active while the whole is not
 * (LVM's `lv_activate`).
 */
export function activeParts({ message }: Failure, group: VgName): LvName[] {
  const refusals = message.matchAll(
    /Activation of logical volume \S+ is prohibited while logical volume (\S+) is active/g,
  );
  return [...refusals].flatMap(([, part = '']) =>
    part.startsWith(`${group}/`) ? [part.slice(group.length + 1) as LvName] : [],
  );
}
