import type { NodeName, PoolName, SnapshotId, VgName } from '../domain/ids.ts';
import { parseSnapshotId, parseVolumeId } from '../domain/ids.ts';
import type { PoolSpec } from '../domain/pool.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { parseFilesystemState } from '../domain/volume.ts';
import type { LvRecord } from './records.ts';
import { tag } from './tags.ts';

/** The tags of a new snapshot. LVM commits them together with it. */
export function snapshotTags({ id, name, source, filesystem, taken, state }: Snapshot): string[] {
  return [
    tag('v', '1'),
    tag('role', 'snapshot'),
    tag('id', id),
    tag('name', name),
    tag('source', source),
    tag('fs', filesystem),
    tag('taken', String(taken)),
    ...(state === 'creating' ? [tag('state', state)] : []),
  ];
}

/** The snapshot that a logical volume's tags describe; `undefined` for any other logical volume. */
function toSnapshot(record: LvRecord, pool: PoolName, node: NodeName): Snapshot | undefined {
  const { tags, group, lv, size } = record;
  const parsed = parseSnapshotId(tags.get('id') ?? '');
  const source = parseVolumeId(tags.get('source') ?? '');
  const name = tags.get('name');
  if (tags.get('role') !== 'snapshot' || !parsed || !source || name === undefined) return undefined;
  const taken = Number(tags.get('taken') ?? record.created ?? 0);
  return {
    id: parsed.id,
    node,
    name,
    source: source.id,
    pool,
    group,
    lv,
    size,
    filesystem: parseFilesystemState(tags.get('fs')),
    state: tags.get('state') === 'creating' ? 'creating' : 'ready',
    taken: Number.isSafeInteger(taken) && taken >= 0 ? taken : 0,
  };
}

/** The snapshots in the groups of the pools, by id. Several for one id: an administrator has to decide which of them it is. */
export function snapshotClaims(
  node: NodeName,
  specs: readonly PoolSpec[],
  records: readonly LvRecord[],
): Map<SnapshotId, Snapshot[]> {
  const pools = new Map<VgName, PoolName>(specs.map(({ group, name }) => [group, name]));
  const claims = new Map<SnapshotId, Snapshot[]>();
  for (const record of records) {
    const pool = pools.get(record.group);
    const snapshot = pool === undefined ? undefined : toSnapshot(record, pool, node);
    if (snapshot) claims.set(snapshot.id, [...(claims.get(snapshot.id) ?? []), snapshot]);
  }
  return claims;
}
