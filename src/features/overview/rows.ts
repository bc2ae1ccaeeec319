import { formatBytes } from '../../domain/bytes.ts';
import type { Rows } from '../../cli/output.ts';
import { ratesField, showRates } from '../../cli/rates.ts';
import type { LeavingRecord } from './leaving.ts';
import type { ConditionRecord, NodeRecord, PoolRecord, SnapshotRecord, VolumeRecord } from './records.ts';

const conditions = 'list of what is wrong, each with `reason`, as in [health](health.md), and `message`';
const claim = 'name of its PersistentVolumeClaim; absent: none is bound to it, or none is known';

export const nodeRows: Rows<NodeRecord> = {
  columns: [
    { heading: 'NODE', cell: ({ node }) => node },
    { heading: 'CONNECTED', cell: ({ connected }) => (connected ? 'yes' : 'no') },
    { heading: 'POOLS', cell: ({ pools }) => pools.join(',') },
    { heading: 'VOLUMES', cell: ({ volumes }) => String(volumes) },
    { heading: 'SNAPSHOTS', cell: ({ snapshots }) => String(snapshots) },
    { heading: 'SIZE', cell: ({ size }) => formatBytes(size) },
    { heading: 'FREE', cell: ({ free }) => formatBytes(free) },
    { heading: 'SINCE', cell: ({ since }) => since, wide: true },
    { heading: 'PROBLEM', cell: ({ problem }) => problem ?? '' },
  ],
  fields: {
    node: 'name of the node',
    connected: 'false: the rest is what the node last reported',
    since: 'when `connected` last changed, in ISO 8601',
    problem: 'why its reports are not used, or that it has sent none; absent: they are used',
    pools: 'names of its pools',
    volumes: 'number of its volumes',
    snapshots: 'number of its snapshots',
    size: 'bytes of the volume groups of its pools',
    free: 'bytes of these that no logical volume has',
  },
  none: 'No node has connected to this controller.',
};

export const poolRows: Rows<PoolRecord> = {
  columns: [
    { heading: 'NODE', cell: ({ node, connected }) => (connected ? node : `${node} (disconnected)`) },
    { heading: 'POOL', cell: ({ pool }) => pool },
    { heading: 'TYPE', cell: ({ type }) => type ?? '' },
    { heading: 'VOLUMES', cell: ({ volumes }) => String(volumes) },
    { heading: 'SIZE', cell: ({ size }) => (size === undefined ? '' : formatBytes(size)) },
    { heading: 'FREE', cell: ({ free }) => (free === undefined ? '' : formatBytes(free)) },
    { heading: 'DATA', cell: ({ thin }) => (thin ? `${Math.round(thin.dataPercent)} %` : '') },
    { heading: 'METADATA', cell: ({ thin }) => (thin ? `${Math.round(thin.metadataPercent)} %` : '') },
    { heading: 'PROMISED', cell: ({ thin }) => (thin ? formatBytes(thin.promised) : ''), wide: true },
    { heading: 'RESERVED', cell: ({ budget }) => (budget ? showRates(budget.reserved) : ''), wide: true },
    { heading: 'GROUP', cell: ({ volumeGroup }) => volumeGroup ?? '', wide: true },
    { heading: 'ATTENTION', cell: ({ unready, conditions: wrong }) => reasonsOf(wrong) || (unready ?? '') },
  ],
  fields: {
    node: 'node that has the pool',
    connected: 'false: the rest is what the node last reported',
    pool: 'name of the pool',
    volumeGroup: 'its volume group; absent while the pool is not ready, as the next fields',
    type: '`thin` or `thick`',
    unready: 'why the pool cannot serve; absent: it can',
    volumes: 'number of its volumes',
    size: 'bytes of the volume group',
    free: 'bytes that no logical volume has',
    thin: 'of a thin pool: `size` and `promised` in bytes, `dataPercent` and `metadataPercent` in use',
    budget: 'of a pool with a budget: the rates that are `reservable`, and those that are `reserved`',
    conditions,
  },
  none: 'No pool.',
};

export const volumeRows: Rows<VolumeRecord> = {
  columns: [
    { heading: 'NAMESPACE', cell: ({ namespace }) => namespace ?? '' },
    { heading: 'CLAIM', cell: ({ claim: name, pod }) => name ?? (pod === undefined ? '' : `pod/${pod}`) },
    { heading: 'NODE', cell: ({ node }) => node },
    { heading: 'POOL', cell: ({ pool }) => pool },
    { heading: 'TYPE', cell: ({ type }) => type },
    { heading: 'SIZE', cell: ({ size }) => formatBytes(size) },
    { heading: 'ENCRYPTION', cell: ({ encryption }) => encryptionCell(encryption) },
    { heading: 'CONTENT', cell: ({ filesystem }) => (filesystem === 'none' ? '' : filesystem) },
    { heading: 'LIMITS', cell: ({ limits }) => showRates(limits) },
    { heading: 'ATTENTION', cell: (volume) => attentionOf(volume) },
    { heading: 'USED', cell: ({ used = {} }) => showRates(used), wide: true },
    { heading: 'RESERVED', cell: ({ reserved }) => showRates(reserved), wide: true },
    { heading: 'USABLE', cell: ({ usable }) => formatBytes(usable), wide: true },
    { heading: 'ROTATED', cell: ({ rotated }) => rotated ?? '', wide: true },
    { heading: 'CREATED', cell: ({ created }) => created ?? '', wide: true },
    { heading: 'SOURCE', cell: ({ source }) => source ?? '', wide: true },
    { heading: 'LV', cell: ({ lv }) => lv, wide: true },
    { heading: 'ID', cell: ({ id }) => id },
  ],
  fields: {
    id: "the volume's id",
    namespace: 'namespace of its PersistentVolumeClaim, or of the pod of an inline volume',
    claim,
    pod: 'name of the pod that an inline volume belongs to; absent: it is none',
    name: "name that CreateVolume was called with; of an inline volume, kubelet's handle",
    node: 'node that has the volume',
    pool: 'name of its pool',
    lv: 'logical volume, as group/name',
    size: 'bytes of the logical volume',
    usable: 'bytes that its user gets: of an encrypted volume, `size` without the header and the codes',
    encryption:
      '`luks2/CIPHER/BITS/BYTES/OPTIONS`, and `/CODE/BYTES` with integrity, as in its tag, or `unknown` to this version; absent: it is not encrypted',
    rotated:
      'when a stage with two passphrases last made sure that the previous one opens it no more, in ISO 8601; absent: never',
    type: '`thin`, `thick`, or `unknown` to this version',
    filesystem: '`none` until its first use, `block`, a filesystem, or `unknown`',
    state: '`ready`; `creating` or `copying` while it cannot be used',
    role: 'absent for the volume itself; else what it is to it, such as `superseded` after the volume was given to another node',
    limits: `operations or bytes a second that it may use: ${ratesField}`,
    used: 'the same, that its pods read and write, at the last report; absent: it is idle, or not among the 64 busiest of its node',
    reserved: 'the same, reserved for it',
    source: '`snapshot/ID` or `volume/ID` that it began with; absent: it began empty',
    created: "in ISO 8601, by the node's clock; absent where LVM does not say",
    conditions,
  },
  none: 'No volume.',
};

export const leavingRows: Rows<LeavingRecord> = {
  columns: [
    { heading: 'NAMESPACE', cell: ({ namespace }) => namespace ?? '' },
    { heading: 'CLAIM', cell: ({ claim: name, pod }) => name ?? (pod === undefined ? '' : `pod/${pod}`) },
    { heading: 'POOL', cell: ({ pool }) => pool ?? '' },
    { heading: 'SIZE', cell: ({ size }) => (size === undefined ? '' : formatBytes(size)) },
    { heading: 'VOLUME', cell: ({ outcome }) => outcome },
    { heading: 'ID', cell: ({ id }) => id },
    { heading: 'NEXT', cell: ({ next }) => next ?? '' },
  ],
  fields: {
    namespace: 'namespace of its PersistentVolumeClaim, or of the pod of an inline volume',
    claim,
    pod: 'name of the pod that an inline volume belongs to; absent: it is none',
    pool: 'name of its pool; absent if no report of the node is known, as `size`',
    size: 'bytes of the logical volume',
    id: "the volume's id",
    outcome: '`stays` on the node, `ends` with its pod, or is `lost`',
    next: 'what to do about it; absent: nothing',
  },
  none: 'The node has no volume.',
};

export const snapshotRows: Rows<SnapshotRecord> = {
  columns: [
    { heading: 'NAME', cell: ({ name }) => name },
    { heading: 'NAMESPACE', cell: ({ namespace }) => namespace ?? '' },
    { heading: 'CLAIM', cell: ({ claim: name }) => name ?? '' },
    { heading: 'NODE', cell: ({ node }) => node },
    { heading: 'POOL', cell: ({ pool }) => pool },
    { heading: 'SIZE', cell: ({ size }) => formatBytes(size) },
    { heading: 'ENCRYPTION', cell: ({ encryption }) => encryptionCell(encryption) },
    { heading: 'USABLE', cell: ({ usable }) => formatBytes(usable), wide: true },
    { heading: 'TAKEN', cell: ({ taken }) => taken },
    { heading: 'STATE', cell: ({ state }) => state },
    { heading: 'ROOM', cell: ({ room }) => (room === undefined ? '' : formatBytes(room)), wide: true },
    { heading: 'GROUP', cell: ({ group }) => group ?? '', wide: true },
    { heading: 'SOURCE', cell: ({ source }) => source, wide: true },
    { heading: 'ID', cell: ({ id }) => id, wide: true },
  ],
  fields: {
    id: "the snapshot's id",
    name: 'name that CreateSnapshot was called with',
    node: 'node that has the snapshot',
    pool: 'name of its pool',
    source: 'id of the volume that it was taken of, which may be deleted',
    namespace: "namespace of that volume's PersistentVolumeClaim",
    claim: "name of that volume's PersistentVolumeClaim; absent: none is bound to it, or none is known",
    size: 'bytes that the logical volume of a volume made from it has at least',
    usable: 'bytes that the user of such a volume gets at least',
    encryption: 'as that of its volume; absent: it is not encrypted',
    taken: "in ISO 8601, by the node's clock",
    state: '`ready`; `creating` until it is complete; `overfull`: its content is lost',
    room: 'bytes of its own that a thick snapshot has; absent: it shares the blocks of its volume',
    group: 'id of the group snapshot that it is a member of',
  },
  none: 'No snapshot.',
};

/** The kind: the rest is for those who ask for JSON. */
function encryptionCell(encryption: string | undefined): string {
  return encryption?.split('/')[0] ?? '';
}

function attentionOf({ state, role, conditions: wrong }: VolumeRecord): string {
  // To belong to a pod needs no attention.
  return [role === 'inline' ? '' : (role ?? ''), state === 'ready' ? '' : state, reasonsOf(wrong)]
    .filter(Boolean)
    .join(',');
}

function reasonsOf(wrong: readonly ConditionRecord[]): string {
  return wrong.map(({ reason }) => reason).join(',');
}
