import { ratesToMessage } from '../../admin/messages.ts';
import type { Bytes } from '../../domain/bytes.ts';
import { type Encrypted, printEncryption, usableSize } from '../../domain/encryption.ts';
import { Failure } from '../../domain/errors.ts';
import type { Member } from '../../domain/fleet.ts';
import { type Condition, poolsOf, volumeHealth } from '../../domain/health.ts';
import type { NodeName, PoolName } from '../../domain/ids.ts';
import { type News, noNews, noticeReasons, type ReportedJob } from '../../domain/news.ts';
import type { Pool } from '../../domain/pool.ts';
import { ratesFor } from '../../domain/qos.ts';
import { promisable, reservedBy, sumOf } from '../../domain/reservations.ts';
import { printSource, type Snapshot } from '../../domain/snapshot.ts';
import type { Inventory } from '../../domain/storage.ts';
import type { Volume } from '../../domain/volume.ts';
import type { ConditionInit } from '../../gen/quarry/admin/v1/Condition.ts';
import type { JobInit } from '../../gen/quarry/admin/v1/Job.ts';
import type { NodeInit } from '../../gen/quarry/admin/v1/Node.ts';
import type { NoticeInit } from '../../gen/quarry/admin/v1/Notice.ts';
import type { PoolInit } from '../../gen/quarry/admin/v1/Pool.ts';
import type { SnapshotInit } from '../../gen/quarry/admin/v1/Snapshot.ts';
import type { VolumeInit } from '../../gen/quarry/admin/v1/Volume.ts';

/** A node, with its last inventory or the reason why there is none. */
export function nodeMessage({ node, connected, since, apart }: Member, known: Inventory | Failure): NodeInit {
  const same = { name: node, connected, sinceMs: String(since) };
  if (known instanceof Failure) return { ...same, problem: apart ?? known.message };
  return {
    ...same,
    problem: apart ?? '',
    pools: poolsOf(known).map((name) => poolMessage(name, known)),
    volumes: String(known.volumes.size),
    snapshots: String(known.snapshots.size),
    notices: noticeMessages(known.news ?? noNews),
  };
}

/** Those that need attention. */
function noticeMessages({ notices }: News): NoticeInit[] {
  return [...notices.values()]
    .filter(({ reason }) => noticeReasons[reason].attention)
    .map(({ reason, message, volume = '', pool = '' }) => ({ reason, message, volumeId: volume, pool }));
}

/** A job as its node last reported it. */
export function jobMessage(node: NodeName, job: ReportedJob): JobInit {
  const { kind, pool, volume, lv, size, state, done, rate, reason, since, failures } = job;
  const target = { kind, pool, volumeId: volume ?? '', lv, size: String(size) };
  const progress = { state, done, reason: reason ?? '', sinceMs: inWhole(since), failures };
  return { node, ...target, ...progress, ...(rate !== undefined && { rate: String(rate) }) };
}

function poolMessage(name: PoolName, inventory: Inventory): PoolInit {
  const pool = inventory.pools.get(name);
  const volumes = [...inventory.volumes.values()].filter((volume) => volume.pool === name);
  return {
    name,
    unready: inventory.unready.get(name) ?? '',
    volumes: String(volumes.length),
    conditions: conditionMessages(inventory.health.get(name) ?? []),
    ...(pool && stateOf(pool, volumes)),
  };
}

function stateOf({ spec, size, free, thin }: Pool, volumes: readonly Volume[]): Partial<PoolInit> {
  const { group, type, budget } = spec;
  return {
    volumeGroup: group,
    type,
    size: String(size),
    free: String(free),
    ...(thin && {
      thin: {
        size: String(thin.size),
        promised: String(thin.promised),
        dataPercent: thin.dataPercent,
        metadataPercent: thin.metadataPercent,
      },
    }),
    ...(budget && {
      reservable: ratesToMessage(promisable(budget)),
      reserved: ratesToMessage(sumOf(volumes.map(reservedBy))),
    }),
  };
}

/** A volume as its node last reported it, with what is wrong with it. */
export function volumeMessage(volume: Volume, inventory: Inventory): VolumeInit {
  const { id, name, node, pool, group, lv, size, layout, filesystem, state, role, qos, source, created, inline } =
    volume;
  const used = inventory.news?.uses.get(id);
  return {
    id,
    name,
    node,
    pool,
    lv: `${group}/${lv}`,
    size: String(size),
    ...encryptionMessage(volume),
    ...(volume.rotated !== undefined && { rotatedMs: inWhole(volume.rotated) }),
    type: layout.type,
    filesystem,
    state,
    role: role ?? '',
    limits: ratesToMessage(ratesFor(qos.limits, size)),
    ...(used && { used: ratesToMessage(used) }),
    reserved: ratesToMessage(reservedBy(volume)),
    source: source ? printSource(source) : '',
    ...(created !== undefined && { createdMs: inWhole(created) }),
    pod: inline ? `${inline.pod.namespace}/${inline.pod.name}` : '',
    conditions: conditionMessages(volumeHealth(volume, inventory)),
    persistentVolume: volume.persistentVolume ?? '',
  };
}

/** A snapshot as its node last reported it. */
export function snapshotMessage({ size, taken, room, memberOf, ...snapshot }: Snapshot): SnapshotInit {
  const { id, name, node, pool, source, state } = snapshot;
  return {
    id,
    name,
    node,
    pool,
    source,
    size: String(size),
    ...encryptionMessage({ ...snapshot, size }),
    takenMs: inWhole(taken),
    state,
    ...(room !== undefined && { room: String(room) }),
    group: memberOf?.id ?? '',
  };
}

function encryptionMessage(item: Encrypted & { readonly size: Bytes }) {
  return {
    encryption: item.encryption ? printEncryption(item.encryption) : '',
    usable: String(usableSize(item)),
  };
}

function conditionMessages(conditions: readonly Condition[]): ConditionInit[] {
  return conditions.map(({ reason, message }) => ({ reason, message }));
}

function inWhole(milliseconds: number): string {
  return String(Math.floor(milliseconds));
}
