import { formatBytes } from '../../domain/bytes.ts';
import { listing } from '../../cli/command.ts';
import type { Rows } from '../../cli/output.ts';

export interface JobRecord {
  readonly kind: string;
  readonly pool: string;
  readonly volume?: string | undefined;
  readonly claim?: string | undefined;
  readonly lv: string;
  readonly size: bigint;
  readonly state: string;
  readonly donePercent: number;
  readonly failures: number;
  readonly reason?: string | undefined;
  readonly since: string;
}

const rows: Rows<JobRecord> = {
  columns: [
    { heading: 'KIND', cell: ({ kind }) => kind },
    { heading: 'POOL', cell: ({ pool }) => pool },
    { heading: 'CLAIM', cell: ({ claim }) => claim ?? '' },
    { heading: 'VOLUME', cell: ({ kind, volume, lv }) => volume ?? (kind === 'evacuation' ? lv : '(thin pool)') },
    { heading: 'STATE', cell: ({ state }) => state },
    { heading: 'DONE', cell: ({ donePercent }) => `${donePercent} %` },
    { heading: 'FAILURES', cell: ({ failures }) => String(failures) },
    { heading: 'SINCE', cell: ({ since }) => since },
    { heading: 'REASON', cell: ({ reason }) => reason ?? '' },
    { heading: 'SIZE', cell: ({ size }) => formatBytes(size), wide: true },
    { heading: 'LV', cell: ({ lv }) => lv, wide: true },
  ],
  fields: {
    kind: '`creation` finishes or undoes an interrupted creation, `copy` fills a volume with the content of its source, or with zeros, `erase` erases and removes what is left of a deleted volume, `repair` makes the copies of a mirror complete after the loss of a disk, and equal after an unclean stop, `evacuation` moves everything from a disk to the other disks of its group',
    pool: 'name of the pool',
    volume: "the volume's id; absent: the job works on the pool's thin pool, and so on all its volumes, or on a disk",
    claim:
      '`namespace/name` of its PersistentVolumeClaim, as a controller last recorded it on the volume; absent: not recorded',
    lv: 'logical volume, as group/name; of an `evacuation` the path of the disk',
    size: 'bytes',
    state: '`waiting`, `running` or `failed`; one that failed is tried again',
    donePercent: 'how much is done, in percent',
    failures: 'how often it has failed in a row since the driver started',
    reason: 'why it waits or has failed',
    since: 'in ISO 8601: of a `creation`, when LVM made the volume; else when the driver first saw the job',
  },
  none: 'No job on this node.',
};

export const jobs = listing({
  name: 'jobs',
  summary: 'List background work on volumes',
  details:
    'The driver finds jobs in the state of LVM, so that a crash loses none. A volume whose mirror is being repaired can be used; until the repair ends, it is not safe from the loss of a disk.',
  where: 'node',
  rows,
  failsWhen: 'no driver answers on the socket',
  examples: [
    { line: 'quarry jobs', does: 'lists the jobs of this node with their progress' },
    { line: 'quarry jobs -o json', does: 'the same for a program' },
  ],
  run: async ({ config }) => (await import('./requests.ts')).listJobs(config),
});
