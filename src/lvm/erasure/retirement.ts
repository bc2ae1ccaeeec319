import { type Erasure, parseErasure, strongest } from '../../domain/erasure.ts';
import type { PoolSpec } from '../../domain/pool.ts';
import { deactivateVolumes, removeVolume, renameVolume, splitSnapshot } from '../arguments.ts';
import type { InventoryCache } from '../cache.ts';
import { erasedName } from '../names.ts';
import type { LvRecord } from '../records.ts';
import type { Writer } from '../writer.ts';

export interface RetirementOptions {
  readonly cache: Pick<InventoryCache, 'specs'>;
  readonly writer: Pick<Writer, 'change'>;
}

/**
 * Removes a logical volume that held data, right after LVM showed this record. One that has to be erased is renamed instead: from then on its old name and its
 * claims are free, and jobs of kind `erase` do the rest. Returns whether its space is free. `what` begins the message of a failure. Call it only within the
 * group's turn.
 */
export async function retire({ cache, writer }: RetirementOptions, what: string, record: LvRecord): Promise<boolean> {
  const { group, lv, uuid, active, thickSnapshot } = record;
  const erasure = erasureOf(record, cache.specs);
  if (erasure === undefined) {
    await writer.change(what, removeVolume(group, lv));
    return true;
  }
  // LVM would suspend and resume its devices four times; one that is in use stays active, and is not deleted. A thick snapshot is active with its origin.
  if (active && !thickSnapshot) await writer.change(what, deactivateVolumes(group, [lv]));
  const name = erasedName(erasure, uuid);
  await writer.change(what, renameVolume(group, lv, name));
  // Its origin can be deleted and extended again.
  if (thickSnapshot) await writer.change(what, splitSnapshot(group, name));
  return false;
}

/** What its own tag says, or its pool, whichever is stronger. Of thin volumes only headers are erased. */
function erasureOf(
  { group, tags, thinPool, thickSnapshot }: LvRecord,
  specs: readonly PoolSpec[],
): Erasure | undefined {
  const own = parseErasure(tags.get('erase'));
  if (thinPool !== undefined) return own === 'cryptographic' ? own : undefined;
  const erasure = strongest(own, specs.find((spec) => spec.group === group)?.erase);
  // Its room has no header of its own, but perhaps parts of one that its volume has overwritten.
  return thickSnapshot && erasure === 'cryptographic' ? 'zero' : erasure;
}
