import type { VolumeId } from './ids.ts';
import type { Pool } from './pool.ts';
import { type Rates, ratesFor } from './qos.ts';
import type { Volume } from './volume.ts';

/** The limits that each volume in use is held to: its own, or what its reservation gives it. */
export function limitsInUse(_pool: Pool, volumes: Iterable<Volume>): ReadonlyMap<VolumeId, Rates> {
  const limits = new Map<VolumeId, Rates>();
  for (const { id, qos, size } of volumes) {
    limits.set(id, { ...ratesFor(qos.reservations, size), ...ratesFor(qos.limits, size) });
  }
  return limits;
}
