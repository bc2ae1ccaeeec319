import { type Bytes, KiB, largest, smallest } from './bytes.ts';
import type { VolumeId } from './ids.ts';
import type { Pool } from './pool.ts';
import { type RateKey, rateKeys, type Rates, ratesFor } from './qos.ts';
import { reservedBy, sumOf } from './reservations.ts';
import type { Volume } from './volume.ts';

/**
 * No volume is held to less, unless its own limit says so: a limit of 0 would hang its I/O for ever. Where this many volumes
 * share so little, their sum may exceed the budget by the floors.
 */
export const leastRates = {
  readIops: 10n,
  writeIops: 10n,
  readBandwidth: 64n * KiB,
  writeBandwidth: 64n * KiB,
} as const satisfies Record<RateKey, bigint>;

/**
 * What each published volume of the pool is held to. `volumes`: all of the pool, since what is reserved is kept for its
 * holder also while that does not run. A rate that is absent is not limited.
 *
 * A volume wants its own limit, else its reservation, else the pool's limit for the unreserved. It gets what is promised to it,
 * and of what the budget has left the same as every other, unless it wants less.
 */
export function limitsInUse(
  pool: Pool,
  volumes: readonly Volume[],
  published: ReadonlySet<VolumeId>,
): ReadonlyMap<VolumeId, Rates> {
  const ours = volumes.filter((volume) => volume.pool === pool.spec.name);
  const budget = pool.spec.budget?.rates ?? {};
  const promised = sumOf(ours.map(reservedBy));
  const running = ours.filter(({ id }) => published.has(id)).map((volume) => demandOf(pool, volume));
  const levels = rateKeys.map((key) => {
    const total = budget[key];
    if (total === undefined) return [key, undefined] as const;
    const rest = largest(total - (promised[key] ?? 0n), 0n);
    const excesses = running.map(({ wants, granted }) => excessOf(wants[key], granted[key] ?? 0n, rest));
    return [key, { rest, level: fairLevel(excesses, rest) }] as const;
  });
  return new Map(
    running.map(({ id, wants, granted }) => {
      const rates: Partial<Record<RateKey, bigint>> = {};
      for (const [key, share] of levels) {
        const [wanted, base] = [wants[key], granted[key] ?? 0n];
        const rate = share ? base + smallest(excessOf(wanted, base, share.rest), share.level) : wanted;
        if (rate !== undefined) rates[key] = largest(rate, smallest(leastRates[key], wanted ?? leastRates[key]));
      }
      return [id, rates];
    }),
  );
}

interface Demand {
  readonly id: VolumeId;
  readonly wants: Rates;
  readonly granted: Rates;
}

function demandOf({ spec }: Pool, volume: Volume): Demand {
  const { id, qos, size } = volume;
  const own = { ...ratesFor(qos.reservations, size), ...ratesFor(qos.limits, size) };
  return { id, wants: { ...spec.budget?.unreserved, ...own }, granted: reservedBy(volume) };
}

/** What a volume wants beyond its promise; never more than there is. */
function excessOf(wanted: Bytes | undefined, granted: bigint, rest: bigint): bigint {
  return wanted === undefined ? rest : smallest(wanted - granted, rest);
}

/** The largest level at which the excesses, each cut off there, are no more than the rest in sum. */
function fairLevel(excesses: readonly bigint[], rest: bigint): bigint {
  let left = rest;
  let sharers = BigInt(excesses.length);
  for (const excess of [...excesses].sort((a, b) => (a < b ? -1 : 1))) {
    const level = left / sharers;
    if (excess > level) return level;
    left -= excess;
    sharers -= 1n;
  }
  return rest;
}
