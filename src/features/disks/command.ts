import { choice, command, flag, listing, word } from '../../cli/command.ts';
import type { Rows } from '../../cli/output.ts';
import { formatBytes } from '../../domain/bytes.ts';
import { diskErasures } from '../../domain/erasure.ts';

export interface RelocationRecord {
  readonly lv: string;
  readonly volume?: string | undefined;
  readonly claim?: string | undefined;
  readonly size: bigint;
  readonly to: string;
}

/** Something on a disk that is replaced or given up. */
export interface AffectedRecord {
  readonly lv: string;
  readonly id?: string | undefined;
  readonly claim?: string | undefined;
  readonly size: bigint;
  readonly becomes: string;
}

const recordedClaim =
  '`namespace/name` of its PersistentVolumeClaim, as a controller last recorded it on the volume; absent: not recorded';

const affectedRows: Rows<AffectedRecord> = {
  columns: [
    { heading: 'LV', cell: ({ lv }) => lv },
    { heading: 'ID', cell: ({ id }) => id ?? '' },
    { heading: 'CLAIM', cell: ({ claim }) => claim ?? '' },
    { heading: 'SIZE', cell: ({ size }) => formatBytes(size) },
    { heading: 'BECOMES', cell: ({ becomes }) => becomes },
  ],
  fields: {
    lv: 'logical volume, as group/name; the parts of mirrors and thin pools, too',
    id: "the id of the volume or snapshot; absent: the logical volume is a thin pool or a part of one, or is not Quarry's",
    claim: recordedClaim,
    size: 'bytes; of what moves, those of it that are on the disk',
    becomes: '`moves to` and the path of a disk, as it is planned now; `copied from another disk`; `lost`',
  },
  none: 'Nothing is on the disk.',
};

const rows: Rows<RelocationRecord> = {
  columns: [
    { heading: 'LV', cell: ({ lv }) => lv },
    { heading: 'VOLUME', cell: ({ volume }) => volume ?? '' },
    { heading: 'CLAIM', cell: ({ claim }) => claim ?? '' },
    { heading: 'SIZE', cell: ({ size }) => formatBytes(size) },
    { heading: 'TO', cell: ({ to }) => to },
  ],
  fields: {
    lv: 'logical volume, as group/name; the parts of mirrors and thin pools, too',
    volume: "the volume's id; absent: the logical volume belongs to a thin pool, or is not Quarry's",
    claim: recordedClaim,
    size: 'bytes of it that move',
    to: 'path of the disk that they move to, as it is planned now',
  },
  none: 'Nothing is on the disk.',
};

const disk = word('device, or UUID of its physical volume');
const erase = choice('erase all of the disk before it leaves its group', 'METHOD', diskErasures);

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
    erase,
    cancel: flag('use the disk again; what has moved stays where it is'),
  },
  rows,
  failsWhen: 'the other disks have no room for all that is on it, or a disk of the group is missing',
  examples: [
    { line: 'quarry disks evacuate /dev/sdb --dry-run', does: 'lists what would move, or has no room' },
    { line: 'quarry disks evacuate /dev/sdb', does: 'begins to move it' },
    {
      line: 'quarry disks evacuate /dev/sdb --remove --erase zero',
      does: 'moves it, writes zeros over the disk, and takes it out of its group',
    },
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
  options: { dryRun: flag('say whether it can be removed, and change nothing'), erase },
  failsWhen:
    'something is on the disk, it is the last one of its group, a disk of the group is missing, or the others have less room than the pool keeps',
  examples: [
    { line: 'quarry disks remove /dev/sdb --dry-run', does: 'says whether the disk can be removed' },
    { line: 'quarry disks remove /dev/sdb', does: 'takes it out of its group' },
    {
      line: 'quarry disks remove /dev/sdb --erase zero',
      does: 'begins to write zeros over it; then it leaves its group',
    },
  ],
  run: async (given) => (await import('./requests.ts')).removeDisk(given),
});

export const replaceDisk = listing({
  name: 'disks replace',
  summary: 'Take a new disk for its pool, and move there what is on an old one',
  details:
    'The old disk leaves its group when nothing is on it any longer. Of an old disk that is missing, the copies of mirrors are made again, at once; what has no copy is listed as lost, and stays until `quarry disks give-up --delete-lost`. The command lists what happens and ends; `quarry jobs` shows the progress. Repeat it if it was interrupted.',
  where: 'here',
  arguments: {
    old: word('device, or UUID of its physical volume; a missing disk has only its UUID'),
    new: word("device, or path by which the pool's rule found it"),
  },
  options: { dryRun: flag('say what would happen, and change nothing'), erase },
  rows: affectedRows,
  failsWhen: 'the new disk cannot be taken for the pool, or there is no room for all that is on the old one',
  examples: [
    { line: 'quarry disks replace /dev/sdb /dev/sdc --dry-run', does: 'lists what would move' },
    { line: 'quarry disks replace /dev/sdb /dev/sdc', does: 'takes /dev/sdc and begins to move it' },
  ],
  run: async (given, terminal) => (await import('./replace.ts')).replaceDisk(given, terminal),
});

export const giveUpDisk = listing({
  name: 'disks give-up',
  summary: 'Give up a missing disk that does not come back',
  details:
    'Lists what the disk has a part of. The copies of mirrors are made on other disks at once, without waiting for `jobs.repairAfter`, and the disk leaves its group as soon as nothing lies on it. With `--delete-lost`, what has no copy is removed: that cannot be undone, even if the disk comes back.',
  where: 'node',
  arguments: { disk: word('UUID of its physical volume') },
  options: {
    dryRun: flag('say what is lost, and change nothing'),
    deleteLost: flag('remove what has no copy on another disk'),
  },
  rows: affectedRows,
  failsWhen: 'the disk is not missing, or with `--delete-lost` if something that is lost is in use',
  examples: [
    { line: 'quarry disks give-up UUID --dry-run', does: 'names what is lost, and what has a copy' },
    {
      line: 'quarry disks give-up UUID --delete-lost',
      does: 'removes what is lost, so that the pool takes volumes again',
    },
  ],
  run: async (given) => (await import('./requests.ts')).giveUpDisk(given),
});
