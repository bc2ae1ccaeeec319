import type { VolumeId } from '../domain/ids.ts';
import type { Rates } from '../domain/qos.ts';
import { limitsInUse } from '../domain/shares.ts';
import type { Inventory } from '../domain/storage.ts';
import type { PodUid } from './pod-names.ts';
import type { Publication } from './publications.ts';
import { asKept, divide } from './rates.ts';

export interface Want extends Publication {
  /** What this pod may use of the volume. */
  readonly wanted: Rates;
}

/** The pods of a volume share its limit in equal parts, the remainder to those whose UID comes first. */
export function wantedBy(inventory: Inventory, publications: readonly Publication[]): Want[] {
  const limits = limitsOf(inventory, new Set(publications.map(({ volume }) => volume.id)));
  const pods = Map.groupBy(publications, ({ volume }) => volume.id);
  return publications.map(({ volume, pod, target, device }) => {
    const sharers = (pods.get(volume.id) ?? []).flatMap((other) => other.pod ?? []).sort();
    return { volume, pod, target, device, wanted: asKept(partOf(limits.get(volume.id) ?? {}, sharers, pod)) };
  });
}

/** Whom nobody can hold to a part is shown the whole. */
function partOf(limit: Rates, sharers: readonly PodUid[], pod: PodUid | undefined): Rates {
  if (pod === undefined) return limit;
  return divide(limit, sharers.length)[sharers.indexOf(pod)] ?? limit;
}

function limitsOf({ pools, volumes }: Inventory, published: ReadonlySet<VolumeId>): Map<VolumeId, Rates> {
  const all = [...volumes.values()];
  const limits = new Map<VolumeId, Rates>();
  for (const pool of pools.values()) {
    for (const [id, rates] of limitsInUse(pool, all, published)) limits.set(id, rates);
  }
  return limits;
}
