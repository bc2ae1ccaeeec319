import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rateKeys } from '../../../src/domain/qos.ts';
import { leastRates } from '../../../src/domain/shares.ts';
import { planWrites } from '../../../src/qos/enforce.ts';
import { asKept, divide, isUnlimited, sameRates, sumOfRates } from '../../../src/qos/rates.ts';
import { anyDevice, anyRates } from './arbitrary.ts';

describe('dividing rates', () => {
  test('divides into equal parts, and gives the remainder to the first', () =>
    expect(divide({ readIops: 101n }, 3)).toEqual([{ readIops: 34n }, { readIops: 34n }, { readIops: 33n }]));

  test('divides without loss, with differences of at most one, and never below the floor', () =>
    fc.assert(
      fc.property(anyRates, fc.integer({ min: 1, max: 50 }), (rates, count) => {
        const parts = divide(rates, count);
        for (const key of rateKeys) {
          const whole = rates[key];
          const shares = parts.map((part) => part[key]);
          if (whole === undefined) {
            expect(shares).toEqual(shares.map(() => undefined));
            continue;
          }
          const floor = whole < leastRates[key] ? whole : leastRates[key];
          const [least, most] = [shares.at(-1) ?? 0n, shares[0] ?? 0n];
          expect(most - least).toBeLessThanOrEqual(1n);
          expect(least).toBeGreaterThanOrEqual(floor);
          const sum = sumOfRates(parts)[key] ?? 0n;
          if (whole / BigInt(count) >= floor) expect(sum).toBe(whole);
          else expect(sum).toBeGreaterThanOrEqual(whole);
        }
      }),
    ));
});

test('treats a rate above the counter of the kernel as no limit', () => {
  expect(asKept({ readIops: 2n ** 32n - 1n, writeIops: 2n ** 32n - 2n, readBandwidth: 2n ** 64n })).toEqual({
    writeIops: 2n ** 32n - 2n,
  });
});

test('keeps every rate below the counter of the kernel, and none at it', () => {
  const largest = (below: bigint) => ({
    readIops: 2n ** 32n - 1n - below,
    writeIops: 2n ** 32n - 1n - below,
    readBandwidth: 2n ** 64n - 1n - below,
    writeBandwidth: 2n ** 64n - 1n - below,
  });
  expect(asKept(largest(1n))).toEqual(largest(1n));
  expect(asKept(largest(0n))).toEqual({});
});

test('adds up to no limit if one part has no limit', () =>
  expect(sumOfRates([{ readIops: 1n, writeIops: 1n }, { readIops: 2n }])).toEqual({ readIops: 3n }));

describe('planning writes', () => {
  const anyTable = fc
    .uniqueArray(fc.tuple(anyDevice, anyRates), { selector: ([device]) => device, maxLength: 6 })
    .map((entries) => new Map(entries));
  const scene = fc
    .tuple(anyTable, anyTable, fc.array(anyDevice), fc.boolean())
    .map(([wanted, actual, others, overlap]) => {
      // Few numbers, so that both sides often have the same devices.
      const both = overlap
        ? new Map([...actual, ...[...wanted.keys()].map((device) => [device, {}] as const)])
        : actual;
      const ours = new Set([...wanted.keys(), ...others, ...[...both.keys()].slice(0, 2)]);
      return { wanted, actual: both, ours };
    });

  test('plans writes that set the wanted limits, clear other limits of ours, and leave other devices alone', () =>
    fc.assert(
      fc.property(scene, ({ wanted, actual, ours }) => {
        const writes = planWrites(wanted, actual, ours);
        const after = new Map([...actual, ...writes]);
        for (const [device, rates] of after) {
          if (!ours.has(device)) expect(rates).toEqual(actual.get(device));
          else expect(sameRates(rates, wanted.get(device) ?? {})).toBe(true);
        }
        for (const device of wanted.keys())
          expect(sameRates(after.get(device) ?? {}, wanted.get(device) ?? {})).toBe(true);
        expect(planWrites(wanted, after, ours).size).toBe(0);
        for (const [device, rates] of writes) expect(sameRates(rates, actual.get(device) ?? {})).toBe(false);
      }),
    ));

  test('plans to clear a limit by writing no limit', () => {
    const [[device, rates] = ['', {}]] = planWrites(
      new Map(),
      new Map([['253:1', { readIops: 5n }]]),
      new Set(['253:1']),
    );
    expect(device).toBe('253:1');
    expect(isUnlimited(rates)).toBe(true);
  });
});
