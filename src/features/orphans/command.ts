import { formatBytes } from '../../domain/bytes.ts';
import { command, flag, listing, named, word } from '../../cli/command.ts';
import type { Rows } from '../../cli/output.ts';

export interface OrphanRecord {
  readonly id: string;
  readonly node: string;
  readonly connected: boolean;
  readonly pool: string;
  readonly name: string;
  readonly size: bigint;
  readonly ageSeconds?: bigint | undefined;
  readonly looseSeconds: bigint;
  readonly role: string;
  readonly group: string;
}

const rows: Rows<OrphanRecord> = {
  columns: [
    { heading: 'ID', cell: ({ id }) => id },
    { heading: 'NODE', cell: ({ node, connected }) => (connected ? node : `${node} (disconnected)`) },
    { heading: 'POOL', cell: ({ pool }) => pool },
    { heading: 'SIZE', cell: ({ size }) => formatBytes(size) },
    { heading: 'AGE', cell: ({ ageSeconds }) => (ageSeconds === undefined ? '' : formatAge(Number(ageSeconds))) },
    { heading: 'SEEN FOR', cell: ({ looseSeconds }) => formatAge(Number(looseSeconds)) },
    { heading: 'NAME', cell: ({ name }) => name, wide: true },
    { heading: 'ROLE', cell: ({ role }) => role, wide: true },
    { heading: 'GROUP', cell: ({ group }) => group, wide: true },
  ],
  fields: {
    id: 'id of the volume or snapshot',
    node: 'node that has it',
    connected: 'false while the node is not connected: the record is the last that is known',
    pool: 'name of its pool',
    name: 'name that CreateVolume or CreateSnapshot was called with',
    size: 'bytes',
    ageSeconds: "seconds since the volume was made, by the node's clock; absent where LVM does not say",
    looseSeconds: 'seconds for which it has been seen in no PersistentVolume, a snapshot in no VolumeSnapshotContent',
    role: 'empty for the volume itself; else what it is to it, such as `superseded` after the volume was given to another node, or `snapshot`',
    group: 'id of the group snapshot that it is a member of; empty: none',
  },
  none: 'Every volume is in a PersistentVolume.',
};

const refused =
  'the volume is none of those that `quarry orphans` lists, several nodes report it and none of them was named, or its node is not connected';

const node = named('node that has the volume; needed where several nodes report its id', 'NODE');

export const listOrphans = listing({
  name: 'orphans',
  summary: 'List volumes that are in no PersistentVolume, and snapshots that are in no VolumeSnapshotContent',
  where: 'controller',
  rows,
  failsWhen: 'no controller answers, or it does not know the PersistentVolumes',
  examples: [
    { line: 'quarry orphans -o wide', does: 'lists them with the names they were made with' },
    { line: 'kubectl quarry orphans', does: 'the same in a cluster' },
  ],
  run: async ({ config }) => (await import('./requests.ts')).listOrphans(config),
});

export const retainOrphan = command({
  name: 'orphans retain',
  summary: 'Record that a volume is meant to be in no PersistentVolume',
  details:
    'The volume gets the tag `quarry.retain`, and is no longer reported. `lvchange --deltag quarry.retain=yes` on its node undoes it.',
  where: 'controller',
  arguments: { id: word('id of the volume') },
  options: { node },
  failsWhen: refused,
  examples: [{ line: 'quarry orphans retain node-1:q-0c2f', does: 'keeps this volume' }],
  run: async (given) => (await import('./requests.ts')).retainOrphan(given),
});

export const deleteOrphan = command({
  name: 'orphans delete',
  summary:
    'Delete a volume that is in no PersistentVolume, or a snapshot that is in no VolumeSnapshotContent, after asking',
  details:
    'The controller reads the PersistentVolumes again first, and refuses a volume that is in one; for a snapshot it reads the VolumeSnapshotContents. A member of a group snapshot is not deleted alone: the id of the group snapshot deletes all of them, if all are orphans. The copy and the record that the node of its birth may have left are deleted, too.',
  where: 'controller',
  arguments: { id: word('id of the volume, snapshot or group snapshot') },
  options: { node, yes: flag('do not ask') },
  failsWhen: refused,
  examples: [
    { line: 'quarry orphans delete node-1:q-0c2f', does: 'shows the volume, asks, and deletes it' },
    { line: 'quarry orphans delete node-1:q-0c2f --yes', does: 'deletes it without asking' },
    { line: 'quarry orphans delete node-1:q-0c2f --node node-2', does: 'deletes the one that is on node-2' },
    {
      line: 'quarry orphans delete node-1:group-6b1f0c2d4e8a9b7c5d3e1f0a2b4c6d8e0f1a3b5c',
      does: 'deletes a group snapshot with all of its members',
    },
  ],
  run: async (given, terminal) => (await import('./requests.ts')).deleteOrphan(given, terminal),
});

/** The two largest units: `3d4h`. */
export function formatAge(seconds: number): string {
  const units = [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const;
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return '0s';
  const parts = units.slice(first, first + 2).map(([unit, size], index) => {
    const within = index === 0 ? seconds : seconds % (units[first]?.[1] ?? 1);
    return [Math.floor(within / size), unit] as const;
  });
  return parts
    .filter(([number]) => number > 0)
    .map(([number, unit]) => `${number}${unit}`)
    .join('');
}
