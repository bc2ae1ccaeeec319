import type { VolumeId } from './ids.ts';
import type { Pool } from './pool.ts';
import { type Rates, ratesFor } from './qos.ts';
import type { Volume } from './volume.ts';

/**
 * What each published volume of the pool is held to. `volumes`: all of the pool, since what is reserved is kept for its
 * holder also while that does not run.
 */
export function limitsInUse(
  _pool: Pool,
  volumes: readonly Volume[],
  published: ReadonlySet<VolumeId>,
): ReadonlyMap<VolumeId, Rates> {
  const limits = new Map<VolumeId, Rates>();
  for (const { id, qos, size } of volumes) {
    if (published.has(id)) limits.set(id, { ...ratesFor(qos.reservations, size), ...ratesFor(qos.limits, size) });
  }
  return limits;
}
