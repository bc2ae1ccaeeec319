import type { FilesystemType, Volume } from '../domain/volume.ts';
import { markOf } from './mark.ts';

type MadeVolume = Pick<Volume, 'id' | 'layout' | 'mkfsOptions'>;

/**
 * The command that makes a filesystem. The class's own options come last, and so win. Force stays out where the tool works
 * without: mkfs then refuses by itself a device that is in use or, but for ext4, that holds anything.
 */
export function mkfsCommand(
  volume: MadeVolume,
  type: FilesystemType,
  device: string,
  overUnfinished: boolean,
): [string, ...string[]] {
  const force = overUnfinished && type !== 'ext4' ? ['-f'] : [];
  return [`mkfs.${type}`, ...force, ...defaults(volume, type), ...volume.mkfsOptions, device];
}

function defaults(volume: MadeVolume, type: FilesystemType): string[] {
  switch (type) {
    case 'ext4':
      // 5 % kept back for root is a rule for system disks; here it would be space that was paid for and cannot be used.
      return ['-q', '-m', '0', '-U', markOf(volume.id), '-E', ext4Extended(volume)];
    case 'xfs':
    case 'btrfs':
      // No discard, see below.
      return ['-q', '-K'];
  }
}

/**
 * `nodiscard`: a new thin volume has nothing to give back, and a thick one was treated as its class asks when its predecessor
 * was deleted. The journal of a thin volume reads as zeros already; on a thick one old bytes could pass for a journal, so it
 * is zeroed there.
 */
function ext4Extended(volume: MadeVolume): string {
  const journal = volume.layout.type === 'thin' ? 1 : 0;
  return `nodiscard,lazy_itable_init=1,lazy_journal_init=${journal}`;
}
