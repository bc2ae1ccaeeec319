import { Failure } from '../domain/errors.ts';
import type { LvName, NodeName } from '../domain/ids.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Volume } from '../domain/volume.ts';
import { listOne } from './arguments.ts';
import { lvmFailure } from './failures.ts';
import { elsewhere, isGivenAway, parseGiven } from './given.ts';
import type { Lvm } from './process/lvm.ts';
import { decodeLv, type LvRecord } from './records.ts';
import type { ReportRow } from './process/report.ts';

export interface LookUpOptions {
  readonly goneFrom?: NodeName | undefined;
  /** Also read the state of this thin pool. */
  readonly thinPool?: LvName | undefined;
}

export interface LookedUp {
  readonly row: ReportRow;
  /** Present if it was asked for and has the volume. */
  readonly thinPool: LvRecord | undefined;
}

/**
 * Reads the row of a volume or a snapshot from LVM again, right before a change. `undefined`: the logical volume is gone. Throws `precondition` if it has
 * lost its tags, and `elsewhere` if its group records that this node gave the volume to a node other than `goneFrom`.
 */
export async function lookUp(
  { lvm, node }: { readonly lvm: Lvm; readonly node: NodeName },
  volume: Pick<Volume | Snapshot, 'id' | 'group' | 'lv'>,
  { goneFrom, thinPool }: LookUpOptions = {},
): Promise<LookedUp | undefined> {
  const answer = await lvm.reportForChange(listOne(volume.group, volume.lv, thinPool));
  if (!answer.ok) {
    const failure = lvmFailure(`${volume.id} could not be looked up`, answer.messages);
    if (failure.kind !== 'not-found') throw failure;
    // It may be the pool that LVM did not find.
    return thinPool === undefined ? undefined : lookUp({ lvm, node }, volume, { goneFrom });
  }
  const row = answer.rows.find((one) => one['lv_name'] === volume.lv);
  const given = parseGiven(row?.['vg_tags'] ?? '').find(
    (record) => record.id === volume.id && record.to !== goneFrom && isGivenAway(record, node),
  );
  if (given) throw elsewhere(given);
  if (row && decodeLv(row).tags.get('id') === volume.id) {
    const pool = answer.rows.find((one) => one['lv_name'] === row['pool_lv']);
    return { row, thinPool: pool && decodeLv(pool) };
  }
  throw new Failure(
    'precondition',
    `${volume.group}/${volume.lv} no longer carries the tags of ${volume.id}: it is left alone`,
  );
}
