import { isDeepStrictEqual } from 'node:util';
import type { PoolName, VolumeId } from '../../domain/ids.ts';
import type { Pool } from '../../domain/pool.ts';
import type { Inventory } from '../../domain/storage.ts';
import type { Volume } from '../../domain/volume.ts';
import type { GivenInit } from '../../gen/quarry/fleet/v1/Given.ts';
import type { ReportInit } from '../../gen/quarry/fleet/v1/Report.ts';
import { writePool } from '../wire/pools.ts';
import { writeVolume } from '../wire/volumes.ts';

/** So that a part with the longest names and options stays within a message. */
const volumesPerPart = 32;
const removedPerPart = 1000;

interface Told {
  readonly volumes: Map<VolumeId, Volume>;
  readonly given: Map<VolumeId, GivenInit>;
  readonly pools: Map<PoolName, Pool>;
  readonly unready: Map<PoolName, string>;
}

/** What a controller has been told over one stream, and so what it is to be told next. */
export class Reporter {
  readonly #now: () => number;
  #told: Told | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Everything the first time, then what is different. Empty when nothing is. */
  next(inventory: Inventory): ReportInit[] {
    const full = this.#told === undefined;
    const told = (this.#told ??= { volumes: new Map(), given: new Map(), pools: new Map(), unready: new Map() });
    const volumes = update(told.volumes, inventory.volumes);
    const given = update(told.given, new Map([...inventory.given].map(([volume, to]) => [volume, { volume, to }])));
    const pools = update(told.pools, inventory.pools);
    const unready = update(told.unready, inventory.unready);
    const changed = chunked(volumes.changed, volumesPerPart);
    const removed = chunked(volumes.removed, removedPerPart);
    const parts: ReportInit[] = [
      ...changed.map((part) => ({ volumes: part.map(writeVolume) })),
      ...removed.map((part) => ({ removedVolumes: part })),
      ...chunked(given.changed, removedPerPart).map((part) => ({ given: part })),
      ...chunked(given.removed, removedPerPart).map((part) => ({ removedGiven: part })),
    ];
    const rest: ReportInit = {
      pools: pools.changed.map(writePool),
      removedPools: pools.removed,
      ageMs: String(Math.max(0, this.#now() - inventory.reportedAt)),
      ...(full && { defaultPool: inventory.defaultPool ?? '' }),
      ...((unready.any || full) && { unready: { reasons: Object.fromEntries(inventory.unready) } }),
    };
    if (!full && !volumes.any && !given.any && !pools.any && !unready.any) return [];
    const all: ReportInit[] = [...parts, rest];
    for (const part of all) Object.assign(part, { full: full && part === all[0], more: part !== rest });
    return all;
  }
}

/** Makes `told` what `now` is, and says what that took. */
function update<K, V>(told: Map<K, V>, now: ReadonlyMap<K, V>): { changed: V[]; removed: K[]; any: boolean } {
  const changed: V[] = [];
  for (const [key, value] of now) {
    if (isDeepStrictEqual(told.get(key), value)) continue;
    told.set(key, value);
    changed.push(value);
  }
  const removed = [...told.keys()].filter((key) => !now.has(key));
  for (const key of removed) told.delete(key);
  return { changed, removed, any: changed.length + removed.length > 0 };
}

function chunked<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
