import { type Bytes, formatExactly, largest, smallest } from './bytes.ts';
import { Failure } from './errors.ts';
import type { VolumeId } from './ids.ts';
import type { Pool } from './pool.ts';
import { type Budget, type Qos, type RateKey, rateKeys, type Rates, ratesFor, reservedName } from './qos.ts';
import type { Volume } from './volume.ts';

type Holder = Pick<Volume, 'qos' | 'size'>;

/**
 * The rates that are reserved for a volume: never more than its own limit, which a reservation per GiB may outgrow. An unknown limit does
 * not reduce them.
 */
export function reservedBy({ qos, size }: Holder): Rates {
  const limits = ratesFor(qos.limits, size);
  const promised: Partial<Record<RateKey, bigint>> = {};
  for (const [key, rate] of entries(ratesFor(qos.reservations, size)))
    promised[key] = smallest(rate, limits[key] ?? rate);
  return promised;
}

/** The sum of each rate; one that none of them has is absent. */
export function sumOf(all: Iterable<Rates>): Rates {
  const sum: Partial<Record<RateKey, bigint>> = {};
  for (const rates of all) for (const [key, rate] of entries(rates)) sum[key] = (sum[key] ?? 0n) + rate;
  return sum;
}

/** The rates of a budget that may be reserved. */
export function promisable({ rates, reservable }: Budget): Rates {
  const parts = entries(rates).map(([key, rate]) => [key, (rate * BigInt(reservable)) / 100n] as const);
  return Object.fromEntries(parts);
}

/** The rates that the pool's other volumes leave to reserve. An absent rate is not budgeted: none of it can be reserved. */
export function reservableRates({ spec }: Pool, volumes: Iterable<Volume>, except?: VolumeId): Rates {
  const budgeted = spec.budget ? promisable(spec.budget) : {};
  const others = [...volumes].filter(({ id, pool }) => pool === spec.name && id !== except);
  const promised = sumOf(others.map(reservedBy));
  const left: Partial<Record<RateKey, bigint>> = {};
  for (const [key, rate] of entries(budgeted)) {
    const known = !others.some(({ qos }) => qos.unknown?.reservations.includes(key));
    left[key] = known ? largest(rate - (promised[key] ?? 0n), 0n) : 0n;
  }
  return left;
}

/** Whether all reservations of a volume fit. */
function fits(left: Rates, holder: Holder): boolean {
  return entries(reservedBy(holder)).every(([key, rate]) => rate <= (left[key] ?? 0n));
}

/**
 * Throws `exhausted`, with each rate that does not fit, if the pool cannot promise the volume's reservations. `before`: its present
 * reservations, which stay valid if the budget has shrunk.
 */
export function refuseReservation(
  pool: Pool,
  volumes: Iterable<Volume>,
  id: VolumeId,
  wanted: Holder,
  before?: Holder,
): void {
  const problems = reservationProblems(pool, reservableRates(pool, volumes, id), wanted, before);
  if (problems.length > 0) throw new Failure('exhausted', refusedText(pool, problems));
}

/** Each rate that does not fit, with what is left of it. `before`: the present reservations, which stay valid. */
export function reservationProblems(pool: Pool, left: Rates, wanted: Holder, before?: Holder): string[] {
  const held = before ? reservedBy(before) : {};
  return entries(reservedBy(wanted))
    .filter(([key, rate]) => rate > (left[key] ?? 0n) && rate > (held[key] ?? 0n))
    .map(([key, rate]) => `${reservedName(key)}: ${formatRate(key, rate)} asked for, ${describeLeft(pool, key, left)}`);
}

/** A sentence for problems of a pool. */
export function refusedText({ spec }: Pool, problems: readonly string[]): string {
  return `pool ${spec.name} cannot promise that much: ${problems.join('; ')}`;
}

/** How much of a reservation could be promised: the least of its rates, in thousandths. */
export function promisableShare(left: Rates, wanted: Holder): bigint {
  const shares = entries(reservedBy(wanted)).map(([key, rate]) => ((left[key] ?? 0n) * 1000n) / largest(rate, 1n));
  return smallest(1000n, ...shares);
}

function describeLeft({ spec }: Pool, key: RateKey, left: Rates): string {
  const [reservable, rate] = [spec.budget && promisable(spec.budget)[key], left[key]];
  if (reservable === undefined || rate === undefined) return `but the pool's budget does not have ${key}`;
  return `${formatRate(key, rate)} left of ${formatRate(key, reservable)} that may be reserved`;
}

/**
 * The largest multiple of `unit` up to `most` whose reservations fit; 0 if none does. Reservations never shrink as the size grows, so
 * all smaller sizes fit too.
 */
export function largestReserved(left: Rates, qos: Qos, unit: Bytes, most: Bytes): Bytes {
  let [fitting, beyond] = [0n, most / unit + 1n];
  while (beyond - fitting > 1n) {
    const middle = (fitting + beyond) / 2n;
    if (fits(left, { qos, size: middle * unit })) fitting = middle;
    else beyond = middle;
  }
  return fitting * unit;
}

/** One sentence for each rate whose reservation exceeds the volume's own limit. */
export function contradictions({ qos, size }: Holder): string[] {
  const limits = ratesFor(qos.limits, size);
  return entries(ratesFor(qos.reservations, size)).flatMap(([key, rate]) => {
    const limit = limits[key];
    if (limit === undefined || rate <= limit) return [];
    const [reserved, own] = [formatRate(key, rate), formatRate(key, limit)];
    return [`${reservedName(key)} is ${reserved}, more than the limit ${key} of ${own}: lower it or raise the limit`];
  });
}

function formatRate(key: RateKey, rate: bigint): string {
  return key.endsWith('Iops') ? `${rate} IOPS` : `${formatExactly(rate)}/s`;
}

function entries(rates: Rates): [RateKey, bigint][] {
  return rateKeys.flatMap((key) => {
    const rate = rates[key];
    return rate === undefined ? [] : [[key, rate] as [RateKey, bigint]];
  });
}
