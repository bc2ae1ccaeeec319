import { command, flag, listing, word } from '../../cli/command.ts';
import type { Rows } from '../../cli/output.ts';
import { formatBytes } from '../../domain/bytes.ts';

export interface RelocationRecord {
  readonly lv: string;
  readonly volume?: string | undefined;
  readonly size: bigint;
  readonly to: string;
}

const rows: Rows<RelocationRecord> = {
  columns: [
    { heading: 'LV', cell: ({ lv }) => lv },
    { heading: 'VOLUME', cell: ({ volume }) => volume ?? '' },
    { heading: 'SIZE', cell: ({ size }) => formatBytes(size) },
    { heading: 'TO', cell: ({ to }) => to },
  ],
  fields: {
    lv: 'logical volume, as group/name; the parts of mirrors and thin pools, too',
    volume: "the volume's id; absent: the logical volume belongs to a thin pool, or is not Quarry's",
    size: 'bytes of it that move',
    to: 'path of the disk that they move to, as it is planned now',
  },
  none: 'Nothing is on the disk.',
};

const disk = word('device, or UUID of its physical volume');

export const evacuateDisk = listing({
  name: 'disks evacuate',
  summary: 'Move everything from a disk to the other disks of its group',
  details:
    'The volumes can be used meanwhile. The command lists what moves and ends; `quarry jobs` shows the progress. From now on nothing new is placed on the disk, and its room does not count. A restart or a power cut ends nothing: the job goes on.',
  where: 'node',
  arguments: { disk },
  options: {
    dryRun: flag('say what would move, and change nothing'),
    remove: flag('take the disk out of its group when nothing is on it any longer'),
    cancel: flag('use the disk again; what has moved stays where it is'),
  },
  rows,
  failsWhen: 'the other disks have no room for all that is on it, or a disk of the group is missing',
  examples: [
    { line: 'quarry disks evacuate /dev/sdb --dry-run', does: 'lists what would move, or has no room' },
    { line: 'quarry disks evacuate /dev/sdb', does: 'begins to move it' },
    { line: 'quarry disks evacuate /dev/sdb --cancel', does: 'ends that, and uses the disk again' },
  ],
  run: async (given) => (await import('./requests.ts')).evacuateDisk(given),
});

export const removeDisk = command({
  name: 'disks remove',
  summary: 'Take a disk that nothing is on out of its group',
  details:
    'Quarry does not take the disk again by itself: its mark stays on it, and `quarry disks` shows it as `returned` until it is approved by its name, or unplugged.',
  where: 'node',
  arguments: { disk },
  options: { dryRun: flag('say whether it can be removed, and change nothing') },
  failsWhen:
    'something is on the disk, it is the last one of its group, a disk of the group is missing, or the others have less room than the pool keeps',
  examples: [
    { line: 'quarry disks remove /dev/sdb --dry-run', does: 'says whether the disk can be removed' },
    { line: 'quarry disks remove /dev/sdb', does: 'takes it out of its group' },
  ],
  run: async (given) => (await import('./requests.ts')).removeDisk(given),
});
