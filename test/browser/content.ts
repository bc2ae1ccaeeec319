import { attentionOf } from '../../src/domain/attention.ts';
import { GiB, MiB } from '../../src/domain/bytes.ts';
import type { PageContent } from '../../src/features/overview/page.ts';
import type {
  ConditionRecord,
  JobRecord,
  NodeRecord,
  PoolRecord,
  VolumeRecord,
} from '../../src/features/overview/records.ts';

const TiB = 1024n * GiB;
const read = '2026-11-29T09:30:00.000Z';

const budget = {
  reservable: { readIops: 80_000n, writeIops: 40_000n },
  reserved: { readIops: 52_000n, writeIops: 18_000n },
} as const;

function nodeOf(node: string, changes: Partial<NodeRecord> = {}): NodeRecord {
  const usual = {
    connected: true,
    since: '2026-11-21T12:00:00.000Z',
    pools: ['fast', 'bulk'],
    volumes: 2,
    snapshots: 2,
  };
  return { node, ...usual, size: 9n * TiB, free: 3n * TiB, ...changes };
}

function poolOf(node: string, pool: string, changes: Partial<PoolRecord> = {}): PoolRecord {
  const usual = { connected: true, volumeGroup: `quarry-${pool}`, type: 'thick', volumes: 2, conditions: [] };
  return { node, pool, ...usual, size: 8n * TiB, free: 3n * TiB, ...changes };
}

function thin(dataPercent: number, metadataPercent: number): Partial<PoolRecord> {
  return { type: 'thin', size: 1n * TiB, thin: { size: 1n * TiB, promised: 2n * TiB, dataPercent, metadataPercent } };
}

function volumeOf(claim: string, changes: Partial<VolumeRecord> = {}): VolumeRecord {
  const [namespace, name = ''] = claim.split('/');
  const id = `${changes.node ?? 'storage-1'}:pvc-${name}`;
  const place = { node: 'storage-1', pool: 'fast', lv: `quarry-fast/pvc-${name}` };
  const usual = { type: 'thin', filesystem: 'ext4', state: 'ready', limits: {}, reserved: {}, conditions: [] };
  return { id, name: id, namespace, claim: name, ...place, size: 20n * GiB, usable: 20n * GiB, ...usual, ...changes };
}

const nearFull: ConditionRecord = {
  reason: 'ThinPoolDataNearFull',
  message:
    '96 % of the data of the thin pool is in use, and new volumes are refused from 95 %: add a disk, delete volumes, or delete files and run fstrim',
};
const degraded: ConditionRecord = {
  reason: 'MirrorDegraded',
  message: 'a copy is on a disk that is missing; I/O goes on with the other one: replace the disk',
};

const unlimited: ConditionRecord = {
  reason: 'LimitNotInForce',
  message:
    'its I/O limit is not in force: the cgroup filesystem cannot be written to; mount it for writing into the driver, which has to be privileged',
};

function someJobs(): JobRecord[] {
  const usual = { node: 'storage-1', pool: 'bulk', state: 'running', failures: 0 };
  const from = (claim: string) => ({ namespace: claim.split('/')[0], claim: claim.split('/')[1] });
  const restored = { ...usual, ...from('databases/restored'), kind: 'copy', lv: 'quarry-bulk/pvc-restored' };
  const repair = { ...usual, ...from('registry/blobs'), kind: 'repair', lv: 'quarry-bulk/pvc-blobs' };
  const erase = { ...usual, node: 'storage-2', kind: 'erase', lv: 'quarry-bulk/pvc-old' };
  const reason = 'the disk /dev/sdc gives no answer';
  return [
    { ...restored, size: 200n * GiB, donePercent: 64, rate: 180n * MiB },
    { ...repair, size: 2n * TiB, donePercent: 7, rate: 92n * MiB },
    { ...erase, size: 40n * GiB, donePercent: 0, state: 'failed', reason, failures: 4 },
  ];
}

/** A fleet in which some things need attention. */
export function someContent(): PageContent {
  const nodes = [
    nodeOf('storage-1'),
    nodeOf('storage-2'),
    nodeOf('storage-3', { volumes: 1, connected: false, since: '2026-11-29T09:12:44.000Z' }),
  ];
  const pools = [
    poolOf('storage-1', 'fast', { ...thin(71.4, 12), budget }),
    poolOf('storage-1', 'bulk'),
    poolOf('storage-2', 'fast', { ...thin(96.2, 84), budget, conditions: [nearFull] }),
    poolOf('storage-2', 'bulk', { free: 1n * TiB }),
    poolOf('storage-3', 'fast', { ...thin(23, 4), connected: false }),
  ];
  const limits = { readIops: 4000n, writeBandwidth: 200n * MiB };
  const used = { readIops: 3120n, writeIops: 410n, readBandwidth: 48n * MiB, writeBandwidth: 12n * MiB };
  const volumes = [
    volumeOf('databases/data-postgres-0', { limits, used, reserved: { readIops: 2000n } }),
    volumeOf('databases/data-postgres-1', { node: 'storage-2', limits, reserved: { readIops: 2000n } }),
    volumeOf('monitoring/prometheus', {
      node: 'storage-2',
      size: 200n * GiB,
      used: { writeIops: 22n, writeBandwidth: 3n * MiB },
    }),
    volumeOf('registry/blobs', { pool: 'bulk', type: 'thick', size: 2n * TiB, conditions: [degraded] }),
    volumeOf('web/uploads', { node: 'storage-3', size: 50n * GiB, limits: { writeBandwidth: 20n * MiB } }),
  ];
  const attention = attentionOf(nodes, pools, volumes, [
    { node: 'storage-2', volume: 'storage-2:pvc-prometheus', ...unlimited },
  ]);
  return { nodes, pools, volumes, jobs: someJobs(), attention, remarks: [], read };
}

/** Text that would be markup, would turn the direction of what follows, and has no place to break. */
export const hostile = `"><img src=x onerror=alert(1)><script>alert(1)</script>\u{202E}${'x'.repeat(200)}`;

/** A fleet whose every name and message comes from an attacker. */
export function hostileContent(): PageContent {
  const { nodes, pools, volumes, jobs } = someContent();
  const wrong = { reason: hostile, message: hostile };
  const named = { node: hostile, pool: hostile, type: hostile, namespace: hostile, claim: hostile };
  return {
    nodes: nodes.map((node) => changed(node, { node: hostile, since: hostile })),
    pools: pools.map((pool) => changed(pool, { node: hostile, pool: hostile, type: hostile })),
    volumes: volumes.map((volume) => changed(volume, { ...named, state: hostile, conditions: [wrong] })),
    jobs: jobs.map((job) => changed(job, { ...named, kind: hostile, lv: hostile, state: hostile, reason: hostile })),
    attention: [{ node: hostile, pool: hostile, volume: hostile, claim: hostile, ...wrong }],
    remarks: [hostile],
    read: hostile,
  };
}

function changed<T extends object>(record: T, changes: Partial<T>): T {
  return { ...record, ...changes };
}
