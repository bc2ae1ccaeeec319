import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseSize, largestVolume, refuseGrowth, roundedSize, sizeUnit } from '../../../src/domain/capacity.ts';
import { GiB, MiB } from '../../../src/domain/bytes.ts';
import type { PoolName, VgName } from '../../../src/domain/ids.ts';
import type { Pool } from '../../../src/domain/pool.ts';
import type { Layout } from '../../../src/domain/volume.ts';

const extentSize = 4n * MiB;
const linear: Layout = { type: 'thick', stripes: 1, stripeSize: 65_536n, mirrors: 0 };
const thin: Layout = { type: 'thin' };

function pool(change: Partial<Pool> = {}): Pool {
  return {
    spec: {
      name: 'fast' as PoolName,
      group: 'vg' as VgName,
      type: 'thin',
      approve: 'manual',
      stripes: 1,
      stripeSize: 65_536n,
      mirrors: 0,
      reserve: 0n,
      thin: { share: 50, overprovision: 2, refuseAt: 95 },
    },
    extentSize,
    size: 40n * GiB,
    free: 20n * GiB,
    deviceFree: [12n * GiB, 8n * GiB],
    metadata: { size: 32n * MiB, free: 16n * MiB },
    thin: { size: 10n * GiB, promised: 5n * GiB, dataPercent: 10, metadataPercent: 10 },
    ...change,
  };
}

describe('largestVolume', () => {
  it('gives a linear volume every free extent', () => expect(largestVolume(pool(), linear)).toBe(20n * GiB));
  it('keeps the reserve', () => {
    const base = pool();
    expect(largestVolume({ ...base, spec: { ...base.spec, reserve: 3n * GiB } }, linear)).toBe(17n * GiB);
  });
  it('puts each stripe on its own device', () =>
    expect(largestVolume(pool(), { ...linear, stripes: 2 })).toBe(16n * GiB));
  it('puts each copy on its own device, with an extent for its metadata', () =>
    expect(largestVolume(pool(), { ...linear, mirrors: 1 })).toBe(8n * GiB - extentSize));
  it('is 0 with too few devices', () => expect(largestVolume(pool(), { ...linear, stripes: 3 })).toBe(0n));
  it('multiplies thin space by the ratio and subtracts the promised space', () =>
    expect(largestVolume(pool(), thin)).toBe(15n * GiB));
  it.each([
    ['data', { dataPercent: 95, metadataPercent: 10 }],
    ['metadata', { dataPercent: 10, metadataPercent: 95.1 }],
  ])('is 0 if the %s of the thin pool is full', (_, percents) => {
    expect(largestVolume(pool({ thin: { size: 10n * GiB, promised: 0n, ...percents } }), thin)).toBe(0n);
  });
  it('is 0 if the metadata area of the group is full', () =>
    expect(largestVolume(pool({ metadata: { size: MiB, free: 1000n } }), linear)).toBe(0n));
  it('is 0 if thin volumes were promised more than the ratio allows', () =>
    expect(
      largestVolume(pool({ thin: { size: GiB, promised: 9n * GiB, dataPercent: 0, metadataPercent: 0 } }), thin),
    ).toBe(0n));
});

describe('sizes', () => {
  const arbitrary = fc.bigInt({ min: 1n, max: 19n * GiB });

  it('are whole units, at least what is required and never more than one unit above it', () =>
    fc.assert(
      fc.property(arbitrary, fc.constantFrom(1, 2), (required, stripes) => {
        const layout = { ...linear, stripes };
        const size = roundedSize(pool(), layout, { required });
        expect(size % sizeUnit(pool(), layout)).toBe(0n);
        expect(size).toBeGreaterThanOrEqual(required);
        expect(size - required).toBeLessThan(sizeUnit(pool(), layout));
      }),
    ));

  it('never exceed the limit', () =>
    fc.assert(
      fc.property(arbitrary, arbitrary, (required, slack) => {
        const limit = required + (slack % (8n * MiB));
        const fits = (required + extentSize - 1n) / extentSize <= limit / extentSize;
        if (fits) expect(roundedSize(pool(), linear, { required, limit })).toBeLessThanOrEqual(limit);
        else expect(() => roundedSize(pool(), linear, { required, limit })).toThrow(/multiples of 4194304/);
      }),
    ));

  it('are 1 GiB if the request has none, or less if the limit is lower', () => {
    expect(roundedSize(pool(), linear, { required: 0n })).toBe(GiB);
    expect(roundedSize(pool(), linear, { required: 0n, limit: 10n * MiB })).toBe(8n * MiB);
  });

  it('are refused with the room that is left', () =>
    expect(() => chooseSize(pool(), linear, { required: 21n * GiB })).toThrow(`volume of ${20n * GiB} bytes at most`));

  it('grow only as far as the room allows', () => {
    expect(() => refuseGrowth(pool(), linear, GiB, 21n * GiB)).not.toThrow();
    expect(() => refuseGrowth(pool(), linear, GiB, 21n * GiB + extentSize)).toThrow(/room for/);
  });
});
