import { type RateKey, rateKeys, type Rates } from '../domain/qos.ts';
import { leastRates } from '../domain/shares.ts';

/** The rates of one cgroup by device, `major:minor`. */
export type DeviceRates = ReadonlyMap<string, Rates>;

/** The kernel counts operations in 32 bits and bytes in 64, and reads the largest number as "no limit". */
const unlimited = {
  readIops: 2n ** 32n - 1n,
  writeIops: 2n ** 32n - 1n,
  readBandwidth: 2n ** 64n - 1n,
  writeBandwidth: 2n ** 64n - 1n,
} as const satisfies Record<RateKey, bigint>;

/** The rates as the kernel shows them: it shows a rate that exceeds its counter as no limit. */
export function asKept(rates: Rates): Rates {
  return mapRates((key) => {
    const rate = rates[key];
    return rate === undefined || rate >= unlimited[key] ? undefined : rate;
  });
}

export function sameRates(a: Rates, b: Rates): boolean {
  return rateKeys.every((key) => a[key] === b[key]);
}

export function isUnlimited(rates: Rates): boolean {
  return sameRates(rates, {});
}

/** The sum of several cgroups' limits. A key for which one of them has no limit has none in the sum. */
export function sumOfRates(parts: readonly Rates[]): Rates {
  return mapRates((key) =>
    parts.reduce<bigint | undefined>(
      (sum, part) => {
        const rate = part[key];
        return sum === undefined || rate === undefined ? undefined : sum + rate;
      },
      parts.length === 0 ? undefined : 0n,
    ),
  );
}

/**
 * Divides the rates into equal parts; the first parts get the remainder. No part is below the least rate of a volume (or the
 * whole, if that is less), because I/O at a rate of 0 would hang.
 */
export function divide(rates: Rates, parts: number): Rates[] {
  return Array.from({ length: parts }, (_, index) =>
    mapRates((key) => {
      const rate = rates[key];
      if (rate === undefined) return undefined;
      const part = rate / BigInt(parts) + (BigInt(index) < rate % BigInt(parts) ? 1n : 0n);
      const floor = rate < leastRates[key] ? rate : leastRates[key];
      return part < floor ? floor : part;
    }),
  );
}

function mapRates(rateOf: (key: RateKey) => bigint | undefined): Rates {
  const rates: Partial<Record<RateKey, bigint>> = {};
  for (const key of rateKeys) {
    const rate = rateOf(key);
    if (rate !== undefined) rates[key] = rate;
  }
  return rates;
}
