import { Failure } from '../../domain/errors.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import type { Volume } from '../../domain/volume.ts';
import type { InventoryCache } from '../cache.ts';
import type { LvRecord } from '../records.ts';

/**
 * Throws `unavailable` for a volume or a snapshot of which a part is on a missing disk and nowhere else. It is neither used nor removed: the disk may
 * come back with its data.
 */
export function refuseLost(cache: InventoryCache, lost: Volume | Snapshot, record: LvRecord | undefined): void {
  if (record?.health !== 'partial' || hasCopies(cache, lost)) return;
  const { id, group, lv } = lost;
  const remedy = `bring the disk back, or give up what was on it on the node: "lvremove ${group}/${lv}"`;
  throw new Failure('unavailable', `${id} is on a disk of ${group} that is missing, and has no copy: ${remedy}`);
}

/** The same for a volume according to the last report, which is read again before it is refused. */
export async function refuseLostVolume(cache: InventoryCache, volume: Volume): Promise<void> {
  const record = (): LvRecord | undefined =>
    cache.report().volumes.find(({ group, lv }) => group === volume.group && lv === volume.lv);
  if (record()?.health !== 'partial' || hasCopies(cache, volume)) return;
  await cache.refresh();
  refuseLost(cache, volume, record());
}

function hasCopies(cache: InventoryCache, one: Volume | Snapshot): boolean {
  if ('layout' in one && one.layout.type === 'thick') return one.layout.mirrors > 0;
  // The room of a thick snapshot has one copy.
  if ('room' in one) return false;
  return (cache.spec(one.pool)?.mirrors ?? 0) > 0;
}
