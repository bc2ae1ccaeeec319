import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GiB, MiB } from '../../../src/domain/bytes.ts';
import {
  largestReserved,
  contradictions,
  reservedBy,
  refuseReservation,
  reservableRates,
} from '../../../src/domain/reservations.ts';
import { noQos, type Qos, type Rate } from '../../../src/domain/qos.ts';
import { fixed, poolWith, volumeWith } from './reserved.ts';

const reserving = (readIops: Rate, limits: Qos['limits'] = {}): Qos => ({
  ...noQos,
  limits,
  reservations: { readIops },
});
const reserved = (lv: string, rate: bigint) => volumeWith(lv, { reservations: fixed(rate) });
const perGiB = reserving({ perGiB: 10n });

describe('a reservation', () => {
  it('is the rate for the size, at most the limit', () => {
    expect(reservedBy({ qos: perGiB, size: 5n * GiB })).toEqual({ readIops: 50n });
    expect(reservedBy({ qos: reserving({ perGiB: 10n }, fixed(30n)), size: 5n * GiB })).toEqual({ readIops: 30n });
    expect(reservedBy({ qos: { ...noQos, limits: fixed(30n) }, size: GiB })).toEqual({});
  });

  it('is refused if it exceeds the limit for the size', () => {
    const qos = reserving({ perGiB: 10n }, fixed(30n));
    expect(contradictions({ qos, size: 3n * GiB })).toEqual([]);
    expect(contradictions({ qos, size: 4n * GiB })).toEqual([
      'reservedReadIops is 40 IOPS, more than the limit readIops of 30 IOPS: lower it or raise the limit',
    ]);
  });
});

describe('the budget', () => {
  const pool = poolWith({ readIops: 1000n, writeBandwidth: 100n * MiB }, 80);

  it('leaves the rates that no other volume of the pool has reserved', () => {
    const other = { ...reserved('c', 700n), pool: 'other' as (typeof pool)['spec']['name'] };
    const volumes = [reserved('a', 100n), reserved('b', 200n), other];
    expect(reservableRates(pool, volumes)).toEqual({ readIops: 500n, writeBandwidth: 80n * MiB });
    expect(reservableRates(pool, volumes, volumes[1]?.id)).toMatchObject({ readIops: 700n });
    expect(reservableRates({ ...pool, spec: { ...pool.spec, budget: undefined } }, volumes)).toEqual({});
  });

  it('refuses a reservation that does not fit, with each rate asked for and left', () => {
    const wanted = volumeWith('n', {
      reservations: {
        readIops: { fixed: 701n },
        writeIops: { fixed: 5n },
        writeBandwidth: { fixed: 80n * MiB },
        readBandwidth: { fixed: 1_000_001n },
      },
    });
    expect(() => refuseReservation(pool, [reserved('a', 100n)], wanted.id, wanted)).toThrow(
      expect.objectContaining({
        kind: 'exhausted',
        message:
          'pool fast cannot promise that much: reservedReadIops: 701 IOPS asked for, 700 IOPS left of 800 IOPS that may be reserved; ' +
          "reservedWriteIops: 5 IOPS asked for, but the pool's budget does not have writeIops; " +
          "reservedReadBandwidth: 1000001 B/s asked for, but the pool's budget does not have readBandwidth",
      }),
    );
  });

  it('keeps reservations that were promised before it shrank', () => {
    const [small, held] = [poolWith({ readIops: 100n }), reserved('a', 500n)];
    expect(() => refuseReservation(small, [held], held.id, reserved('a', 500n), held)).not.toThrow();
    expect(() => refuseReservation(small, [held], held.id, reserved('a', 400n), held)).not.toThrow();
    expect(() => refuseReservation(small, [held], held.id, reserved('a', 501n), held)).toThrow('501 IOPS');
  });
});

describe('the largest size whose reservation fits', () => {
  const left = { readIops: 100n };
  const largest = (qos: Qos) => largestReserved(left, qos, 4n * MiB, 50n * GiB);

  it('is the maximum without a reservation or with one that fits, and 0 with one that does not', () => {
    expect(largest(noQos)).toBe(50n * GiB);
    expect(largest(reserving({ fixed: 100n }))).toBe(50n * GiB);
    expect(largest(reserving({ fixed: 101n }))).toBe(0n);
    expect(largest({ ...noQos, reservations: { writeIops: { fixed: 1n } } })).toBe(0n);
    expect(largestReserved(left, noQos, 4n * MiB, 0n)).toBe(0n);
  });

  it('is bounded by a reservation per GiB', () => {
    // 10.1 GiB would be 101; below that the floor of 10 x size is at most 100.
    expect(largest(perGiB)).toBe(((101n * GiB) / 10n / (4n * MiB)) * 4n * MiB);
    expect(largest(reserving({ perGiB: 10n, most: 100n }))).toBe(50n * GiB);
  });

  it('fits, and the next larger one does not', () =>
    fc.assert(
      fc.property(
        fc.bigInt(0n, 5000n),
        fc.bigInt(1n, 500n),
        fc.option(fc.bigInt(1n, 3000n), { nil: undefined }),
        fc.bigInt(0n, 2000n),
        (free, rate, most, units) => {
          const [unit, limit] = [100n * MiB, units * 100n * MiB];
          const qos = reserving({ perGiB: rate, most });
          const size = largestReserved({ readIops: free }, qos, unit, limit);
          const needs = (bytes: bigint) => reservedBy({ qos, size: bytes }).readIops ?? 0n;
          expect(size % unit).toBe(0n);
          expect(size).toBeLessThanOrEqual(limit);
          if (size > 0n) expect(needs(size)).toBeLessThanOrEqual(free);
          if (size < limit) expect(needs(size + unit)).toBeGreaterThan(free);
        },
      ),
    ));
});
