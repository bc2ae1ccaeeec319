import { Failure } from '../domain/errors.ts';
import type { NodeName } from '../domain/ids.ts';
import type { Volume } from '../domain/volume.ts';
import { listOne } from './arguments.ts';
import { lvmFailure } from './failures.ts';
import { elsewhere, isGivenAway, parseGiven } from './given.ts';
import type { Lvm } from './lvm.ts';
import { decodeLv } from './records.ts';
import type { ReportRow } from './report.ts';

/**
 * Reads the volume's row from LVM again, right before a change. `undefined`: the logical volume is gone. Throws `precondition` if it has
 * lost the volume's tags, and `elsewhere` if its group records that this node gave the volume to a node other than `goneFrom`.
 */
export async function lookUp(
  { lvm, node }: { readonly lvm: Lvm; readonly node: NodeName },
  volume: Volume,
  goneFrom?: NodeName,
): Promise<ReportRow | undefined> {
  const answer = await lvm.reportForChange(listOne(volume.group, volume.lv));
  if (!answer.ok) {
    const failure = lvmFailure(`volume ${volume.id} could not be looked up`, answer.messages);
    if (failure.kind === 'not-found') return undefined;
    throw failure;
  }
  const [row] = answer.rows;
  const given = parseGiven(row?.['vg_tags'] ?? '').find(
    (record) => record.id === volume.id && record.to !== goneFrom && isGivenAway(record, node),
  );
  if (given) throw elsewhere(given);
  if (row && decodeLv(row).tags.get('id') === volume.id) return row;
  throw new Failure(
    'precondition',
    `${volume.group}/${volume.lv} no longer carries the tags of volume ${volume.id}: it is left alone`,
  );
}
