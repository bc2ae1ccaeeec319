import { formatBytes } from '../../domain/bytes.ts';
import { flag, listing, words } from '../command.ts';
import type { Rows } from '../output.ts';

export interface DiskRecord {
  readonly device: string;
  readonly size?: bigint | undefined;
  readonly pool: string;
  readonly volumeGroup: string;
  readonly verdict: 'member' | 'proposed' | 'interrupted' | 'returned' | 'refused';
  readonly path: string;
  readonly findings: readonly string[];
}

export const diskRows: Rows<DiskRecord> = {
  columns: [
    { heading: 'DEVICE', cell: ({ device }) => device },
    { heading: 'SIZE', cell: ({ size }) => (size === undefined ? '?' : formatBytes(size)) },
    { heading: 'POOL', cell: ({ pool }) => pool },
    { heading: 'GROUP', cell: ({ volumeGroup }) => volumeGroup, wide: true },
    { heading: 'VERDICT', cell: ({ verdict }) => verdict },
    { heading: 'PATH', cell: ({ path, device }) => (path === device ? '' : path) },
    { heading: 'FOUND', cell: ({ findings }) => findings.join('; ') },
  ],
  fields: {
    device: 'path of the device, without links',
    size: 'bytes; absent where the kernel does not describe the device',
    pool: 'name of the pool whose rule matches the disk',
    volumeGroup: "the pool's volume group",
    verdict: '`member`, `proposed`, `interrupted`, `returned` or `refused`',
    path: 'path by which the rule found the disk',
    findings: 'list of reasons why the disk cannot be taken; empty unless it is refused or returned',
  },
  none: "No disk matches a pool's rule.",
};

export const disks = listing({
  name: 'disks',
  summary: "List the disks that match a pool's rule, with a verdict and its reason",
  where: 'here',
  rows: diskRows,
  examples: [
    { line: 'quarry disks', does: 'shows which disks are proposed, and why others are refused' },
    { line: 'quarry disks -o json | jq -r \'.items[] | select(.verdict == "proposed").device\'', does: 'for scripts' },
  ],
  run: async (given) => (await import('../disks.ts')).listDisks(given),
});

export const approve = listing({
  name: 'disks approve',
  summary: 'Take proposed disks for their pools',
  details:
    'Each disk is proven blank again before it is taken. Without names, the command lists the proposed disks and asks for names. ' +
    'When the command ends, a running driver serves the disks.',
  where: 'here',
  arguments: { disk: words('device, or path by which the rule found it') },
  options: { all: flag('take every proposed disk') },
  rows: diskRows,
  failsWhen: 'a disk that was named is not proposed, or one could not be taken',
  examples: [
    { line: 'quarry disks approve', does: 'shows the proposed disks and asks which to take' },
    { line: 'quarry disks approve /dev/disk/by-id/nvme-A /dev/sdb', does: 'takes two disks' },
    { line: 'quarry disks approve --all', does: 'takes all proposed disks' },
  ],
  run: async (given, terminal) => (await import('../disks.ts')).approveDisks(given, terminal),
});
