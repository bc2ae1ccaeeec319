import * as z from 'zod';
import { rateKeys } from '../domain/qos.ts';
import { bytes, count, percent, rate } from './fields.ts';

/** A problem at a path of the file. */
export interface Problem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

const draftRates = z.object({
  readIops: rate().optional().catch(undefined),
  writeIops: rate().optional().catch(undefined),
  readBandwidth: rate().optional().catch(undefined),
  writeBandwidth: rate().optional().catch(undefined),
});

/**
 * The parts of a pool that depend on each other, each `undefined` if it cannot be read. zod checks a whole object only once all its
 * parts are valid; this schema reports conflicts together with the other problems.
 */
const draftPool = z.object({
  name: z.string().optional().catch(undefined),
  volumeGroup: z.string().optional().catch(undefined),
  type: z.string().optional().catch(undefined),
  approve: z.string().optional().catch(undefined),
  disks: z
    .object({ minSize: bytes().optional().catch(undefined), maxSize: bytes().optional().catch(undefined) })
    .optional()
    .catch(undefined),
  stripes: count(1, 128).default(1).catch(1),
  mirrors: count(0, 9).default(0).catch(0),
  thin: z
    .object({
      autoextend: z
        .object({ threshold: percent(50, 99).optional().catch(undefined) })
        .optional()
        .catch(undefined),
      // Unreadable: nothing conflicts with it.
      refuseAt: percent(1, 100).default(95).catch(Number.POSITIVE_INFINITY),
    })
    .optional()
    .catch(undefined),
  // An unreadable budget counts as given, without rates.
  budget: draftRates.optional().catch({}),
  reservable: z.unknown().optional(),
  unreserved: draftRates.optional().catch({}),
});
type DraftPool = z.output<typeof draftPool>;

const draftConfig = z.object({
  pools: z.array(z.unknown()),
  inline: z
    .object({ pools: z.array(z.string()).optional().catch(undefined) })
    .optional()
    .catch(undefined),
});

/** The conflicts between parts of the file; parts that are invalid by themselves are ignored. */
export function conflicts(raw: unknown): Problem[] {
  const config = draftConfig.safeParse(raw);
  if (!config.success) return [];
  const pools = config.data.pools.map((pool) => draftPool.safeParse(pool).data);
  return [
    ...duplicates(pools, 'name'),
    ...duplicates(pools, 'volumeGroup'),
    ...unknownPools(pools, config.data.inline?.pools ?? []),
    ...pools.flatMap((pool, index) =>
      pool ? poolConflicts(pool).map(({ path, message }) => ({ path: ['pools', index, ...path], message })) : [],
    ),
  ];
}

function unknownPools(pools: readonly (DraftPool | undefined)[], named: readonly string[]): Problem[] {
  const known = pools.map((pool) => pool?.name);
  // One whose own name cannot be read may be the one that is meant.
  if (known.includes(undefined)) return [];
  return named.flatMap((name, index) =>
    known.includes(name)
      ? []
      : [
          {
            path: ['inline', 'pools', index],
            message: `"${name}" is none of the pools ${known.join(', ') || '(none)'}`,
          },
        ],
  );
}

function duplicates(pools: readonly (DraftPool | undefined)[], key: 'name' | 'volumeGroup'): Problem[] {
  const first = new Map<string, number>();
  return pools.flatMap((pool, index) => {
    const value = pool?.[key];
    if (value === undefined) return [];
    const earlier = first.get(value);
    if (earlier === undefined) first.set(value, index);
    if (earlier === undefined) return [];
    return [{ path: ['pools', index, key], message: `"${value}" is already used by pools[${earlier}]` }];
  });
}

/** LVM's limit on the images of one RAID volume. */
const raidDevices = 64;

function poolConflicts(pool: DraftPool): Problem[] {
  const problems: Problem[] = [];
  const { disks, thin, stripes, mirrors } = pool;
  if (pool.type === 'thick' && thin) problems.push({ path: ['thin'], message: 'belongs to pools of type thin only' });
  if (!disks && pool.approve === 'automatic') {
    problems.push({ path: ['approve'], message: 'automatic needs disks: without them the group is adopted as it is' });
  }
  if (disks?.minSize !== undefined && disks.maxSize !== undefined && disks.minSize > disks.maxSize) {
    problems.push({ path: ['disks', 'minSize'], message: 'must not be more than maxSize' });
  }
  const devices = stripes * (mirrors + 1);
  if (mirrors > 0 && devices > raidDevices) {
    const message = `${stripes} stripes with ${mirrors} mirrors need ${devices} disks; LVM mirrors over at most ${raidDevices}`;
    problems.push({ path: ['mirrors'], message });
  }
  const threshold = thin?.autoextend?.threshold;
  if (thin && threshold !== undefined && threshold >= thin.refuseAt) {
    problems.push({
      path: ['thin', 'autoextend', 'threshold'],
      message: `must be below refuseAt (${thin.refuseAt}%), or the pool refuses volumes before it grows`,
    });
  }
  return [...problems, ...budgetConflicts(pool)];
}

function budgetConflicts({ budget, reservable, unreserved }: DraftPool): Problem[] {
  if (!budget) {
    const given = Object.entries({ reservable, unreserved }).filter(([, value]) => value !== undefined);
    return given.map(([key]) => ({ path: [key], message: 'has no effect without budget' }));
  }
  return rateKeys.flatMap((key) => {
    const [most, own] = [budget[key], unreserved?.[key]];
    if (most === undefined || own === undefined || own <= most) return [];
    return [{ path: ['unreserved', key], message: `must not be more than the budget of ${most}` }];
  });
}
