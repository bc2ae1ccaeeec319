import type { FilesystemType, Volume } from '../domain/volume.ts';
import { markOf } from './mark.ts';

type MadeVolume = Pick<Volume, 'id' | 'layout' | 'mkfsOptions'>;

/**
 * The mkfs command. The options of the class come last, so they win. Without `-f`, mkfs refuses a device that is in use and, except for
 * ext4, a device with any content.
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
      // ext4 reserves 5 % for root by default, which is meant for system disks; on a volume it is lost space.
      return ['-q', '-m', '0', '-U', markOf(volume.id), '-E', ext4Extended(volume)];
    case 'xfs':
    case 'btrfs':
      // -K: no discard, see below.
      return ['-q', '-K'];
  }
}

/**
 * `nodiscard`: a new thin volume has nothing to discard, and the extents of a thick one were erased as the class asks when their last
 * volume was deleted. The journal of a thin volume reads as zeros; on a thick volume old bytes could look like a journal, so it is
 * zeroed.
 */
function ext4Extended(volume: MadeVolume): string {
  const journal = volume.layout.type === 'thin' ? 1 : 0;
  return `nodiscard,lazy_itable_init=1,lazy_journal_init=${journal}`;
}
