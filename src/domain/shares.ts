import { type Bytes, KiB, largest, smallest } from './bytes.ts';
import type { VolumeId } from './ids.ts';
import type { Pool } from './pool.ts';
import { type RateKey, rateKeys, type Rates, ratesFor } from './qos.ts';
import { reservedBy, sumOf } from './reservations.ts';
import type { Volume } from './volume.ts';

/**
 * The least limit of a volume, unless its own limit is lower: a limit of 0 would hang its I/O for ever. With very many volumes the sum
 * of these may exceed the budget.
 */
export const leastRates = {
  readIops: 10n,
  writeIops: 10n,
  readBandwidth: 64n * KiB,
  writeBandwidth: 64n * KiB,
} as const satisfies Record<RateKey, bigint>;

/**
 * The limits of each published volume of the pool. `volumes`: all of the pool, since a volume keeps its reservation while no pod uses it.
 * An absent rate is not limited.
 *
 * A volume wants its own limit, else its reservation, else the pool's limit for the unreserved. It gets its reservation, and an equal share
 * of the rest of the budget, unless it wants less.
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

/** The rate that a volume wants beyond its reservation; at most the rest. */
function excessOf(wanted: Bytes | undefined, granted: bigint, rest: bigint): bigint {
  return wanted === undefined ? rest : smallest(wanted - granted, rest);
}

/** The largest level for which the sum of the excesses, each capped at the level, does not exceed the rest. */
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
