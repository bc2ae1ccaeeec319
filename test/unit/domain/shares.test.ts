import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reservedBy } from '../../../src/domain/reservations.ts';
import { leastRates, limitsInUse } from '../../../src/domain/shares.ts';
import type { Volume } from '../../../src/domain/volume.ts';
import { fixed, poolWith, volumeWith } from './reserved.ts';

const idsOf = (volumes: readonly Volume[]) => new Set(volumes.map(({ id }) => id));
const readsOf = (
  budget: bigint | undefined,
  volumes: readonly Volume[],
  published = idsOf(volumes),
  unreserved?: bigint,
) => {
  const pool = poolWith(
    budget === undefined ? {} : { readIops: budget },
    100,
    unreserved ? { readIops: unreserved } : {},
  );
  const limits = limitsInUse(pool, volumes, published);
  return volumes.map(({ id }) => limits.get(id)?.readIops);
};
const limited = (id: string, limit?: bigint, reserved?: bigint) =>
  volumeWith(id, { limits: fixed(limit), reservations: fixed(reserved) });

describe('limitsInUse', () => {
  it('without a budget gives each its own limit, else its reservation, else no limit', () =>
    expect(readsOf(undefined, [limited('a', 500n, 100n), limited('b', undefined, 100n), limited('c')])).toEqual([
      500n,
      100n,
      undefined,
    ]));

  it('gives a volume without limit and reservation the limit for the unreserved', () =>
    expect(readsOf(100_000n, [limited('a', 500n), limited('b')], undefined, 2000n)).toEqual([500n, 2000n]));

  it('gives a volume without any limit the rest of the budget', () =>
    expect(readsOf(1000n, [limited('a', undefined, 300n), limited('b')])).toEqual([300n, 700n]));

  it('keeps the reservation of a volume that is not published', () => {
    const volumes = [limited('a', undefined, 300n), limited('b')];
    expect(readsOf(1000n, volumes, idsOf(volumes.slice(1)))).toEqual([undefined, 700n]);
  });

  it('divides the rest fairly: a small wish is met, the others get equal shares', () =>
    expect(readsOf(1000n, [limited('a', 50n), limited('b', 5000n), limited('c', 700n, 100n)])).toEqual([
      50n,
      425n,
      525n,
    ]));

  it('never goes below the minimum, nor above a limit below it', () =>
    expect(readsOf(100n, [limited('a', undefined, 100n), limited('b'), limited('c', 3n)])).toEqual([100n, 10n, 3n]));

  it('ignores the volumes of other pools', () => {
    const other = { ...limited('b', undefined, 900n), pool: 'other' as Volume['pool'] };
    expect(readsOf(1000n, [limited('a'), other])).toEqual([1000n, undefined]);
  });
});

const rate = fc.option(fc.bigInt(1n, 3000n), { nil: undefined });
const scene = fc
  .record({
    budget: fc.bigInt(1n, 5000n),
    unreserved: fc.option(fc.bigInt(1n, 3000n), { nil: undefined }),
    settings: fc.array(fc.record({ limit: rate, reserved: rate, runs: fc.boolean() }), { maxLength: 8 }),
  })
  .map(({ budget, unreserved, settings }) => {
    const volumes = settings.map(({ limit, reserved }, index) => limited(`v${index}`, limit, reserved));
    const published = idsOf(volumes.filter((_, index) => settings[index]?.runs));
    return { budget, unreserved, volumes, published };
  });
type Scene = typeof scene extends fc.Arbitrary<infer T> ? T : never;
const inUse = ({ budget, unreserved, volumes, published }: Scene) =>
  limitsInUse(
    poolWith({ readIops: budget }, 100, unreserved === undefined ? {} : { readIops: unreserved }),
    volumes,
    published,
  );
const floor = leastRates.readIops;
const wantOf = ({ qos }: Volume, { unreserved }: Scene) => {
  const of = (settings: Volume['qos']['limits']) => {
    const setting = settings.readIops;
    return setting && 'fixed' in setting ? setting.fixed : undefined;
  };
  return of(qos.limits) ?? of(qos.reservations) ?? unreserved;
};

describe('for any volumes of a budgeted pool', () => {
  const holds = (check: (given: Scene, limits: ReturnType<typeof inUse>) => void) =>
    fc.assert(fc.property(scene, (given) => check(given, inUse(given))));

  it('exactly the published volumes have a limit', () =>
    holds(({ published }, limits) => {
      expect(new Set(limits.keys())).toEqual(published);
      for (const rates of limits.values()) expect(rates.readIops).toBeGreaterThan(0n);
    }));

  it('the sum of the limits is within the budget, except for the minimum rates', () =>
    holds(({ budget, volumes }, limits) => {
      const promised = volumes.reduce((sum, volume) => sum + (reservedBy(volume).readIops ?? 0n), 0n);
      const sum = [...limits.values()].reduce(
        (total, { readIops = 0n }) => total + (readIops > floor ? readIops : 0n),
        0n,
      );
      expect(sum).toBeLessThanOrEqual(budget > promised ? budget : promised);
    }));

  it('no volume gets less than its reservation, nor more than it wants', () =>
    holds((given, limits) => {
      for (const volume of given.volumes) {
        const got = limits.get(volume.id)?.readIops;
        if (got === undefined) continue;
        expect(got).toBeGreaterThanOrEqual(reservedBy(volume).readIops ?? 0n);
        const wanted = wantOf(volume, given);
        if (wanted !== undefined) expect(got).toBeLessThanOrEqual(wanted);
      }
    }));

  it('if a volume gets less than it wants, no other got more beyond its reservation', () =>
    holds((given, limits) => {
      const beyond = (volume: Volume) => (limits.get(volume.id)?.readIops ?? 0n) - (reservedBy(volume).readIops ?? 0n);
      const running = given.volumes.filter(({ id }) => given.published.has(id));
      for (const short of running) {
        const wanted = wantOf(short, given);
        if (wanted !== undefined && wanted === limits.get(short.id)?.readIops) continue;
        for (const other of running)
          expect(beyond(other)).toBeLessThanOrEqual(beyond(short) > floor ? beyond(short) : floor);
      }
    }));

  it('the order of the volumes does not matter', () =>
    holds((given, limits) => {
      expect(inUse({ ...given, volumes: given.volumes.toReversed() })).toEqual(limits);
    }));

  it("a volume that starts never raises others' limits, one that stops never lowers them, nor does a larger budget", () =>
    fc.assert(
      fc.property(scene, fc.bigInt(1n, 2000n), (given, more) => {
        const limits = inUse(given);
        const larger = inUse({ ...given, budget: given.budget + more });
        const all = inUse({ ...given, published: idsOf(given.volumes) });
        for (const [id, { readIops = 0n }] of limits) {
          expect(larger.get(id)?.readIops).toBeGreaterThanOrEqual(readIops);
          expect(all.get(id)?.readIops).toBeLessThanOrEqual(readIops);
        }
      }),
    ));
});
