import { Failure, type FailureKind } from '../domain/errors.ts';

/** LVM's own words for what callers branch on; everything else is `unavailable`, with LVM's words in it. */
const table: readonly [RegExp, FailureKind][] = [
  [/insufficient (?:free space|suitable allocatable extents)/i, 'exhausted'],
  [/not enough free/i, 'exhausted'],
  [/(?:VG|metadata).*(?:too large|out of space|no space)/i, 'exhausted'],
  [/no space left/i, 'exhausted'],
  [/free space in .*(?:thin|pool)/i, 'exhausted'],
  [/already exists in volume group/i, 'exists'],
  [/\bin use\b|used by another device/i, 'precondition'],
  // Of a logical volume alone: a group that is not there may be on disks that are not there either.
  [/failed to find logical volume/i, 'not-found'],
];

/** The failure that LVM's messages describe. */
export function lvmFailure(what: string, messages: readonly string[]): Failure {
  const text = messages.join('; ') || 'LVM gave no reason';
  const kind = table.find(([pattern]) => pattern.test(text))?.[1] ?? 'unavailable';
  return new Failure(kind, `${what}: ${text}`);
}

/**
 * Whether the kernel refused a thin volume's table because its pool has no such device: ENODATA from dm-thin's constructor, printed by
 * libdm (`_do_dm_ioctl`, "%s ioctl on %s failed: %s").
 */
export function lacksThinDevice({ message }: Failure): boolean {
  return /reload ioctl on .*failed: No data available/.test(message);
}
