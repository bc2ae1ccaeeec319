import { parseRecord } from '../domain/persistent-volume.ts';
import type { InventoryCache } from './cache.ts';
import { roleOf } from './volume-records.ts';

/** The claims that controllers recorded on the volumes of this node, as `namespace/name`, by volume id. Empty before the first report. */
export function claimNames(cache: Pick<InventoryCache, 'reported' | 'report'>): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  if (!cache.reported) return names;
  for (const record of cache.report().volumes) {
    const id = record.tags.get('id');
    const claim = parseRecord(record.tags.get('pv') ?? '')?.claim;
    if (id !== undefined && claim && roleOf(record) === 'volume') names.set(id, `${claim.namespace}/${claim.name}`);
  }
  return names;
}
