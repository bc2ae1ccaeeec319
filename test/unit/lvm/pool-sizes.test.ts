import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GiB, MiB } from '../../../src/domain/bytes.ts';
import type { LvName, PoolName, VgName } from '../../../src/domain/ids.ts';
import type { Pool, PoolSpec } from '../../../src/domain/pool.ts';
import type { Layout } from '../../../src/domain/volume.ts';
import { afterGrowth } from '../../../src/lvm/prediction.ts';
import type { LvRecord } from '../../../src/lvm/records.ts';
import {
  autoextendedSize,
  type GroupSpace,
  grownPoolSize,
  growthProblem,
  newPoolSizes,
  thinPoolProblem,
} from '../../../src/lvm/thin-pool.ts';

const extentSize = 4n * MiB;
const sizes = fc.bigInt({ min: 32n, max: 1_000_000n }).map((extents) => extents * extentSize);

/** A group on twelve devices with equal free space: enough for every leg of the specs below. */
function vgOf(size: bigint, free = size): GroupSpace {
  const extents = free / extentSize;
  const deviceFree = Array.from(
    { length: 12 },
    (_, index) => extents / 12n + (BigInt(index) < extents % 12n ? 1n : 0n),
  );
  return { size, free, extentSize, deviceFree: deviceFree.map((count) => count * extentSize) };
}

const thins = fc.record({
  share: fc.integer({ min: 1, max: 100 }),
  overprovision: fc.constant(1),
  refuseAt: fc.constant(95),
});

const specs: fc.Arbitrary<PoolSpec> = fc.record({
  name: fc.constant('fast' as PoolName),
  group: fc.constant('vg' as VgName),
  type: fc.constant('thin' as const),
  approve: fc.constant('manual' as const),
  stripes: fc.integer({ min: 1, max: 4 }),
  stripeSize: fc.constant(65_536n),
  mirrors: fc.integer({ min: 0, max: 2 }),
  reserve: fc.bigInt({ min: 0n, max: 100n }).map((gib) => gib * GiB),
});

function poolOf(size: bigint, dataPercent = 0): LvRecord {
  return {
    group: 'vg' as VgName,
    groupUuid: 'own',
    lv: 'thinpool' as LvName,
    uuid: '',
    size,
    tags: new Map(),
    boots: [],
    active: true,
    open: false,
    thinPool: undefined,
    isThinPool: true,
    isMirrored: false,
    isThickOrigin: false,
    dataPercent,
    metadataPercent: 0,
    metadataSize: 0n,
    health: '',
    needsCheck: false,
    syncAction: '',
  };
}

test('a new thin pool fits its group together with metadata, spare, copies and reserve', () => {
  fc.assert(
    fc.property(specs, thins, sizes, (spec, thin, size) => {
      const { data, metadata } = newPoolSizes(spec, thin, vgOf(size));
      const copies = BigInt(spec.mirrors + 1);
      const least = size > spec.reserve ? size - spec.reserve : 0n;
      expect(data % (extentSize * BigInt(spec.stripes))).toBe(0n);
      expect(metadata % extentSize).toBe(0n);
      if (data > 0n) expect((data + 2n * metadata) * copies).toBeLessThanOrEqual(least);
    }),
  );
});

test('a larger group or share never gives a smaller thin pool', () => {
  fc.assert(
    fc.property(specs, thins, sizes, fc.bigInt({ min: 0n, max: 10_000n }), (spec, thin, size, more) => {
      const { data } = newPoolSizes(spec, thin, vgOf(size));
      // Allows for rounding, and for metadata that has the size for the whole share although less is free.
      const slack = 4n * extentSize * BigInt(spec.stripes) + data / 100n;
      expect(newPoolSizes(spec, thin, vgOf(size + more * extentSize)).data + slack).toBeGreaterThanOrEqual(data);
      const wider = { ...thin, share: Math.min(100, thin.share + 1) };
      expect(newPoolSizes(spec, wider, vgOf(size)).data + slack).toBeGreaterThanOrEqual(data);
    }),
  );
});

test('metadata has the configured size, or a thousandth of the data within the bounds of the format', () => {
  const thin = { share: 100, overprovision: 1, refuseAt: 95 };
  const [spec] = fc.sample(
    specs.map((random) => ({ ...random, mirrors: 0 })),
    1,
  );
  if (!spec) throw new Error('no sample');
  const metadata = (size: bigint, given = {}) => newPoolSizes(spec, { ...thin, ...given }, vgOf(size)).metadata;
  expect(metadata(GiB)).toBe(32n * MiB);
  expect(metadata(100n * GiB)).toBe(104n * MiB);
  expect(metadata(100_000n * GiB)).toBe(16_192n * MiB);
  expect(metadata(GiB, { metadataSize: 5n * MiB })).toBe(8n * MiB);
});

test('growth never shrinks a pool or needs more than the free space', () => {
  fc.assert(
    fc.property(specs, thins, sizes, sizes, (spec, thin, pool, free) => {
      const vg = vgOf(pool * BigInt(spec.mirrors + 1) + free, free);
      const policy = { ...thin, autoextend: { threshold: 50, by: 20 } };
      const usable = free > spec.reserve ? free - spec.reserve : 0n;
      for (const grown of [
        grownPoolSize(spec, thin, vg, poolOf(pool)),
        autoextendedSize(spec, policy, vg, poolOf(pool, 60)) ?? pool,
      ]) {
        expect(grown).toBeGreaterThanOrEqual(pool);
        expect((grown - pool) * BigInt(spec.mirrors + 1)).toBeLessThanOrEqual(usable);
      }
      expect(autoextendedSize(spec, policy, vg, poolOf(pool, 49))).toBeUndefined();
      expect(autoextendedSize(spec, thin, vg, poolOf(pool, 99))).toBeUndefined();
    }),
  );
});

describe('a pool with two stripes on two full devices', () => {
  const spec: PoolSpec = {
    name: 'fast' as PoolName,
    group: 'vg' as VgName,
    type: 'thin',
    approve: 'manual',
    stripes: 2,
    stripeSize: 65_536n,
    mirrors: 0,
    reserve: 0n,
  };
  const thin = { share: 100, overprovision: 1, refuseAt: 95 };
  const pool = poolOf(19n * GiB);
  const space = (...added: bigint[]): GroupSpace => {
    const free = added.reduce((a, b) => a + b, 0n);
    return { size: 20n * GiB + free, free, extentSize, deviceFree: [0n, 0n, ...added] };
  };

  test('does not grow onto a single third device, and says why', () => {
    expect(grownPoolSize(spec, thin, space(10n * GiB), pool)).toBe(pool.size);
    expect(growthProblem(spec, thin, space(10n * GiB), pool)).toMatch(/cannot grow.*2 legs.*1 have some; add 1 more/);
  });

  test('grows onto two more devices by twice the smaller', () => {
    const two = space(10n * GiB, 3n * GiB);
    expect(grownPoolSize(spec, thin, two, pool)).toBe(pool.size + 6n * GiB);
    expect(growthProblem(spec, thin, two, pool)).toBeUndefined();
  });

  test('reports no problem if no device is added', () => {
    expect(growthProblem(spec, thin, space(), pool)).toBeUndefined();
  });
});

test('the legs of a new pool always fit on separate devices', () => {
  const shapes = fc.record({ spec: specs, deviceFree: fc.array(sizes, { minLength: 1, maxLength: 8 }) });
  fc.assert(
    fc.property(shapes, thins, ({ spec, deviceFree }, thin) => {
      const free = deviceFree.reduce((a, b) => a + b, 0n);
      const legs = spec.stripes * (spec.mirrors + 1);
      const { data, metadata } = newPoolSizes(spec, thin, { size: free, free, extentSize, deviceFree });
      const smallestLeg = deviceFree.toSorted((a, b) => (a < b ? 1 : -1))[legs - 1] ?? 0n;
      // The device of a leg may have the metadata and its spare, too.
      const leg = data / BigInt(spec.stripes) + 2n * metadata;
      if (legs > 1 && data > 0n) expect(leg).toBeLessThanOrEqual(smallestLeg);
    }),
  );
});

test.each([
  [{}, undefined],
  [{ active: false }, /not active: .*"lvchange -a y vg\/thinpool"/],
  [{ health: 'failed' }, /has failed.*vgchange -ay vg/],
  [{ health: 'out_of_data' }, /out of data space.*add a disk/],
  [{ health: 'metadata_read_only' }, /read-only.*vgchange -ay vg/],
  [{ health: 'metadata_read_only', metadataPercent: 100 }, /out of metadata space.*"lvextend --poolmetadatasize/],
  [{ needsCheck: true }, /needs a check.*lvconvert --repair vg\/thinpool/],
  [{ needsCheck: true, metadataPercent: 100 }, /needs a check.*then enlarge/],
  [{ health: 'something new' }, /something new/],
])('explains the problem of a thin pool with %j', (over, problem) => {
  const found = thinPoolProblem({ ...poolOf(GiB), ...over });
  if (problem) expect(found).toMatch(problem);
  else expect(found).toBeUndefined();
});

const pools: fc.Arbitrary<Pool> = fc
  .record({ spec: specs, deviceFree: fc.array(sizes, { minLength: 1, maxLength: 6 }), promised: sizes })
  .map(({ spec, deviceFree, promised }) => {
    const free = deviceFree.reduce((a, b) => a + b, 0n);
    const thin = { size: free, promised, dataPercent: 0, metadataPercent: 0 };
    return { spec, extentSize, size: free, free, deviceFree, metadata: { size: 1n, free: 1n }, thin };
  });

const layouts: fc.Arbitrary<Layout> = fc.oneof(
  fc.constant({ type: 'thin' } as const),
  fc.record({
    type: fc.constant('thick' as const),
    stripes: fc.integer({ min: 1, max: 3 }),
    stripeSize: fc.constant(65_536n),
    mirrors: fc.integer({ min: 0, max: 2 }),
  }),
);

test('a predicted free space is never negative, and never more than before', () => {
  fc.assert(
    fc.property(pools, layouts, sizes, (pool, layout, size) => {
      const after = afterGrowth(pool, layout, size);
      expect(after.free).toBeGreaterThanOrEqual(0n);
      expect(after.free).toBeLessThanOrEqual(pool.free);
      const removed = afterGrowth(pool, layout, -2n * (pool.thin?.promised ?? 0n));
      expect(removed.thin?.promised).toBeGreaterThanOrEqual(0n);
      expect(after.deviceFree).toHaveLength(pool.deviceFree.length);
      for (const free of after.deviceFree) expect(free).toBeGreaterThanOrEqual(0n);
    }),
  );
});

test('the predictions of a creation, a growth and a removal cancel out', () => {
  fc.assert(
    fc.property(pools, layouts, sizes, (pool, layout, size) => {
      const copies = layout.type === 'thick' ? BigInt(layout.mirrors + 1) : 1n;
      fc.pre(2n * size * copies <= pool.free);
      const made = afterGrowth(afterGrowth(pool, layout, size), layout, size);
      const after = afterGrowth(made, layout, -2n * size);
      expect(after.free).toBe(pool.free);
      expect(after.thin?.promised).toBe(pool.thin?.promised);
      if (layout.type === 'thick' && layout.stripes * Number(copies) === 1) {
        expect(after.deviceFree.reduce((a, b) => a + b, 0n)).toBe(pool.free);
      }
    }),
  );
});
