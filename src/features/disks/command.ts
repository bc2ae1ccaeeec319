import { command, flag, word } from '../../cli/command.ts';

export const removeDisk = command({
  name: 'disks remove',
  summary: 'Take a disk that nothing is on out of its group',
  details:
    'Quarry does not take the disk again by itself: its mark stays on it, and `quarry disks` shows it as `returned` until it is approved by its name, or unplugged.',
  where: 'node',
  arguments: { disk: word('device, or UUID of its physical volume') },
  options: { dryRun: flag('say whether it can be removed, and change nothing') },
  failsWhen:
    'something is on the disk, it is the last one of its group, a disk of the group is missing, or the others have less room than the pool keeps',
  examples: [
    { line: 'quarry disks remove /dev/sdb --dry-run', does: 'says whether the disk can be removed' },
    { line: 'quarry disks remove /dev/sdb', does: 'takes it out of its group' },
  ],
  run: async (given) => (await import('./requests.ts')).removeDisk(given),
});
