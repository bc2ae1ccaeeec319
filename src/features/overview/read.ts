import { ratesFromMessage, timeFromMessage } from '../../admin/messages.ts';
import type { Job } from '../../gen/quarry/admin/v1/Job.ts';
import type { Node } from '../../gen/quarry/admin/v1/Node.ts';
import type { Pool } from '../../gen/quarry/admin/v1/Pool.ts';
import type { Snapshot } from '../../gen/quarry/admin/v1/Snapshot.ts';
import type { Volume } from '../../gen/quarry/admin/v1/Volume.ts';
import type { JobRecord, NodeRecord, NoticeRecord, PoolRecord, SnapshotRecord, VolumeRecord } from './records.ts';

/** The claims of volumes, by id. */
export type Claims = ReadonlyMap<string, { readonly namespace: string; readonly claim: string }>;

export function nodeRecord({ name, connected, sinceMs, problem, pools, volumes, snapshots }: Node): NodeRecord {
  return {
    node: name,
    connected,
    since: timeFromMessage(sinceMs),
    problem: problem || undefined,
    pools: pools.map((pool) => pool.name),
    volumes: Number(volumes),
    snapshots: Number(snapshots),
    size: sum(pools.map(({ size }) => size)),
    free: sum(pools.map(({ free }) => free)),
  };
}

export function poolRecord({ name: node, connected }: Node, pool: Pool): PoolRecord {
  const { name, volumeGroup, type, unready, volumes, size, free, thin, reservable, reserved, conditions } = pool;
  const known = volumeGroup !== '';
  return {
    node,
    connected,
    pool: name,
    volumeGroup: volumeGroup || undefined,
    type: type || undefined,
    unready: unready || undefined,
    volumes: Number(volumes),
    size: known ? BigInt(size) : undefined,
    free: known ? BigInt(free) : undefined,
    thin: thin ? { ...thin, size: BigInt(thin.size), promised: BigInt(thin.promised) } : undefined,
    budget: reservable ? { reservable: ratesFromMessage(reservable), reserved: ratesFromMessage(reserved) } : undefined,
    conditions,
  };
}

export function volumeRecord(volume: Volume, claims: Claims): VolumeRecord {
  const { id, name, node, pool, lv, size, type, filesystem, state, role, limits, reserved } = volume;
  // No Kubernetes name has a slash.
  const [namespace, pod] = volume.pod === '' ? [] : volume.pod.split('/');
  return {
    id,
    ...(pod === undefined ? claims.get(id) : { namespace, pod }),
    name,
    node,
    pool,
    lv,
    size: BigInt(size),
    ...encryptionOf(volume, size),
    rotated: volume.rotatedMs === undefined ? undefined : timeFromMessage(volume.rotatedMs),
    type,
    filesystem,
    state,
    role: role || undefined,
    limits: ratesFromMessage(limits),
    used: volume.used ? ratesFromMessage(volume.used) : undefined,
    reserved: ratesFromMessage(reserved),
    source: volume.source || undefined,
    created: volume.createdMs === undefined ? undefined : timeFromMessage(volume.createdMs),
    conditions: volume.conditions,
  };
}

export function snapshotRecord(snapshot: Snapshot, claims: Claims): SnapshotRecord {
  const { id, name, node, pool, source, size, takenMs, state, room, group } = snapshot;
  return {
    id,
    name,
    node,
    pool,
    source,
    ...claims.get(source),
    size: BigInt(size),
    ...encryptionOf(snapshot, size),
    taken: timeFromMessage(takenMs),
    state,
    room: room === undefined ? undefined : BigInt(room),
    group: group || undefined,
  };
}

export function noticeRecords({ name: node, notices }: Node): NoticeRecord[] {
  return notices.map(({ reason, message, volumeId, pool }) => {
    return { node, reason, message, volume: volumeId || undefined, pool: pool || undefined };
  });
}

export function jobRecord({ volumeId, size, done, rate, reason, ...job }: Job, claims: Claims): JobRecord {
  const { node, kind, pool, lv, state, failures } = job;
  const progress = { state, donePercent: Math.floor(done * 100), failures };
  return {
    node,
    kind,
    pool,
    volume: volumeId || undefined,
    ...claims.get(volumeId),
    lv,
    size: BigInt(size),
    ...progress,
    rate: rate === undefined ? undefined : BigInt(rate),
    reason: reason || undefined,
  };
}

/** A controller of an earlier version says nothing of it. */
function encryptionOf({ encryption, usable }: Pick<Volume, 'encryption' | 'usable'>, size: string) {
  return { usable: BigInt(usable === '0' ? size : usable), encryption: encryption || undefined };
}

function sum(sizes: readonly string[]): bigint {
  return sizes.reduce((total, size) => total + BigInt(size), 0n);
}
