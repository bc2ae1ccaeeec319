import type { Attention } from '../../domain/attention.ts';
import { formatBytes } from '../../domain/bytes.ts';
import { bad, figure, meter, moment, progress, rateLines, type Section, tags } from './page-table.ts';
import type { JobRecord, NodeRecord, PoolRecord, VolumeRecord } from './records.ts';
import { dataPercent, nameOf, reservedPercent } from './status.ts';

export const attentionSection: Section<Attention> = {
  id: 'attention',
  title: 'Needs attention',
  none: 'Nothing needs attention.',
  columns: [
    {
      heading: 'Where',
      cell: ({ node, pool, volume, claim }) =>
        volume === undefined ? `${pool === undefined ? '' : `pool ${pool} on `}node ${node}` : nameOf(volume, claim),
    },
    { heading: 'Reason', cell: ({ reason }) => tags([reason]) },
    { heading: 'What to do', cell: ({ message }) => message },
  ],
};

export const nodeSection: Section<NodeRecord> = {
  id: 'nodes',
  title: 'Nodes',
  none: 'No node has connected to this controller.',
  columns: [
    { heading: 'Node', cell: ({ node }) => node },
    { heading: 'Connected', cell: ({ connected, since }) => (connected ? 'yes' : bad(`no, since ${moment(since)}`)) },
    { heading: 'Volumes', cell: ({ volumes }) => volumes },
    { heading: 'Snapshots', cell: ({ snapshots }) => snapshots },
    { heading: 'Size', cell: ({ size }) => figure(formatBytes(size)) },
    { heading: 'Free', cell: ({ free }) => figure(formatBytes(free)) },
  ],
};

export const jobSection: Section<JobRecord> = {
  id: 'jobs',
  title: 'Jobs',
  none: 'No job runs or waits.',
  columns: [
    { heading: 'Job', cell: ({ kind }) => kind },
    {
      heading: 'Of',
      cell: ({ namespace, claim, volume, lv }) => (claim === undefined ? (volume ?? lv) : `${namespace}/${claim}`),
    },
    { heading: 'Node', cell: ({ node }) => node },
    { heading: 'Pool', cell: ({ pool }) => pool },
    { heading: 'State', cell: ({ state }) => (state === 'failed' ? bad(state) : state) },
    { heading: 'Size', cell: ({ size }) => figure(formatBytes(size)) },
    { heading: 'Done', cell: ({ donePercent }) => progress('done', donePercent) },
    { heading: 'Rate', cell: ({ rate }) => (rate === undefined ? '' : figure(`${formatBytes(rate)}/s`)) },
    { heading: 'Why', cell: ({ reason = '', failures }) => (failures > 1 ? `${reason} (${failures} times)` : reason) },
  ],
};

export const poolSection: Section<PoolRecord> = {
  id: 'pools',
  title: 'Pools',
  none: 'No pool.',
  columns: [
    { heading: 'Pool', cell: ({ pool }) => pool },
    { heading: 'Node', cell: ({ node, connected }) => (connected ? node : `${node} (disconnected)`) },
    { heading: 'Type', cell: ({ type }) => type ?? '' },
    { heading: 'Size', cell: ({ size }) => (size === undefined ? bad('not ready') : figure(formatBytes(size))) },
    { heading: 'Volumes', cell: ({ volumes }) => volumes },
    { heading: 'Data', cell: (pool) => meter('data in use', dataPercent(pool)) },
    { heading: 'Metadata', cell: ({ thin }) => meter('metadata in use', thin?.metadataPercent) },
    { heading: 'I/O reserved', cell: (pool) => meter('reserved of the I/O budget', reservedPercent(pool)) },
  ],
};

export const volumeSection: Section<VolumeRecord> = {
  id: 'volumes',
  title: 'Volumes',
  none: 'No volume.',
  columns: [
    { heading: 'Claim or id', cell: ownerOf },
    { heading: 'Node', cell: ({ node }) => node },
    { heading: 'Pool', cell: ({ pool }) => pool },
    { heading: 'Type', cell: ({ type }) => type },
    { heading: 'Size', cell: ({ size }) => figure(formatBytes(size)) },
    { heading: 'Limits', cell: ({ limits }) => rateLines(limits) },
    { heading: 'In use', cell: ({ used = {} }) => rateLines(used, formatBytes) },
    { heading: 'Reserved', cell: ({ reserved }) => rateLines(reserved) },
    {
      heading: 'Attention',
      cell: ({ state, conditions }) =>
        tags([...(state === 'ready' ? [] : [state]), ...conditions.map(({ reason }) => reason)]),
    },
  ],
};

/** The claim or the pod that has the volume; else its id. */
function ownerOf({ id, namespace, claim, pod }: VolumeRecord): string {
  if (claim !== undefined) return `${namespace}/${claim}`;
  return pod === undefined ? id : `pod ${namespace}/${pod}`;
}
