import type { Given, GivenInit } from '../../gen/quarry/node/v1/Given.ts';
import type { Health, HealthInit } from '../../gen/quarry/node/v1/Health.ts';
import type { Job, JobInit } from '../../gen/quarry/node/v1/Job.ts';
import type { Node, NodeInit } from '../../gen/quarry/node/v1/Node.ts';
import type { Notice, NoticeInit } from '../../gen/quarry/node/v1/Notice.ts';
import type { Pool, PoolInit } from '../../gen/quarry/node/v1/Pool.ts';
import type { Snapshot, SnapshotInit } from '../../gen/quarry/node/v1/Snapshot.ts';
import type { UnreadyPool, UnreadyPoolInit } from '../../gen/quarry/node/v1/UnreadyPool.ts';
import type { Volume, VolumeInit } from '../../gen/quarry/node/v1/Volume.ts';
import type { Use, UseInit } from '../../gen/quarry/node/v1/Use.ts';
import type { RecordInit } from '../../gen/quarry/fleet/v1/Record.ts';
import { decode, encode, type loadProto, nodePools, nodeSnapshots, nodeVolumes } from '../../grpc/load.ts';

/** The message of each kind of record, as it is read and as it is written. */
export interface RecordTypes {
  volume: [Volume, VolumeInit];
  given: [Given, GivenInit];
  snapshot: [Snapshot, SnapshotInit];
  pool: [Pool, PoolInit];
  'unready-pool': [UnreadyPool, UnreadyPoolInit];
  health: [Health, HealthInit];
  node: [Node, NodeInit];
  job: [Job, JobInit];
  notice: [Notice, NoticeInit];
  use: [Use, UseInit];
}

export type RecordKind = keyof RecordTypes;

export interface RecordCodec {
  readonly write: <Kind extends RecordKind>(kind: Kind, key: string, message: RecordTypes[Kind][1]) => RecordInit;
  /** Throws on bytes that are no message of the kind. */
  readonly read: <Kind extends RecordKind>(kind: Kind, payload: Buffer) => RecordTypes[Kind][0];
}

type Root = ReturnType<typeof loadProto>;

/** From the roots of `nodeVolumes`, `nodeSnapshots` and `nodePools`. */
export function recordsOf(volumes: Root, snapshots: Root, pools: Root): RecordCodec {
  const types = {
    volume: volumes.lookupType(`${nodeVolumes.package}.Volume`),
    given: volumes.lookupType(`${nodeVolumes.package}.Given`),
    snapshot: snapshots.lookupType(`${nodeSnapshots.package}.Snapshot`),
    pool: pools.lookupType(`${nodePools.package}.Pool`),
    'unready-pool': pools.lookupType(`${nodePools.package}.UnreadyPool`),
    health: pools.lookupType(`${nodePools.package}.Health`),
    node: pools.lookupType(`${nodePools.package}.Node`),
    job: pools.lookupType(`${nodePools.package}.Job`),
    notice: pools.lookupType(`${nodePools.package}.Notice`),
    use: pools.lookupType(`${nodePools.package}.Use`),
  } satisfies Record<RecordKind, unknown>;
  return {
    write: (kind, key, message) => ({ kind, key, payload: encode(types[kind], message) }),
    read: (kind, payload) => decode(types[kind], payload) as never,
  };
}
