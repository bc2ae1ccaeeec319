import { parseErasure } from '../../domain/erasure.ts';
import {
  type NodeName,
  parseGroupSnapshotId,
  parseSnapshotId,
  parseVolumeId,
  type PoolName,
} from '../../domain/ids.ts';
import type { Membership, Snapshot } from '../../domain/snapshot.ts';
import { contentOf, contentTags } from '../content-tags.ts';
import type { LvRecord } from '../records.ts';
import { tag } from '../tags.ts';

/** The tags of a new snapshot. LVM commits them together with it. */
export function snapshotTags(snapshot: Snapshot): string[] {
  const { id, name, source, taken, memberOf, erase, state } = snapshot;
  return [
    tag('v', '1'),
    tag('role', 'snapshot'),
    tag('id', id),
    tag('name', name),
    tag('source', source),
    ...contentTags(snapshot),
    tag('taken', String(taken)),
    ...(memberOf ? [tag('group', memberOf.id), tag('members', String(memberOf.members))] : []),
    ...(erase ? [tag('erase', erase)] : []),
    ...(state === 'creating' ? [tag('state', state)] : []),
  ];
}

/**
 * The snapshot that a logical volume's tags describe; `undefined` for any other logical volume. One whose removal was cut off is in the state
 * `creating`, too: it is not there for a caller, and a job removes it.
 */
export function toSnapshot(record: LvRecord, pool: PoolName, node: NodeName): Snapshot | undefined {
  const { tags, group, lv, thinPool, thickSnapshot } = record;
  const parsed = parseSnapshotId(tags.get('id') ?? '');
  const source = parseVolumeId(tags.get('source') ?? '');
  const name = tags.get('name');
  if (tags.get('role') !== 'snapshot' || !parsed || !source || name === undefined) return undefined;
  const taken = Number(tags.get('taken') ?? record.created ?? 0);
  const memberOf = membershipOf(tags);
  const erase = parseErasure(tags.get('erase'));
  // LVM removes a thick snapshot in two commits. A power cut between them leaves its room alone, which is the snapshot of nothing.
  const detached = thinPool === undefined && !thickSnapshot;
  return {
    id: parsed.id,
    node,
    name,
    source: source.id,
    pool,
    group,
    lv,
    size: thickSnapshot?.originSize ?? record.size,
    ...contentOf(tags),
    ...(memberOf && { memberOf }),
    ...(erase && { erase }),
    state: tags.get('state') === 'creating' || detached ? 'creating' : thickSnapshot?.overfull ? 'overfull' : 'ready',
    taken: Number.isSafeInteger(taken) && taken >= 0 ? taken : 0,
    ...(thinPool === undefined && { room: record.size }),
  };
}

function membershipOf(tags: LvRecord['tags']): Membership | undefined {
  const group = parseGroupSnapshotId(tags.get('group') ?? '');
  return group && { id: group.id, members: Number(tags.get('members')) };
}
