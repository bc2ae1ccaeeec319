import { GiB, KiB, MiB } from '../domain/bytes.ts';
import { parsePoolName, parseVgName } from '../domain/ids.ts';
import { hasWildcard } from '../disks/patterns.ts';
import type { PoolSpec, ThinSpec } from '../domain/pool.ts';
import type { Rates } from '../domain/qos.ts';
import { bytes, choice, count, flag, list, percent, rate, ratio, scalar, section } from './fields.ts';

/** The most that dm-thin addresses: 15.875 GiB, rounded down from 255 bitmaps of 4 KiB blocks. */
const largestThinMetadata = (127n * GiB) / 8n;

/** LVM takes powers of two from a page up to an extent, which is 4 MiB unless a group says otherwise. */
const stripeSize = bytes(4n * KiB, 4n * MiB).refine((size) => (size & (size - 1n)) === 0n, {
  error: 'must be a power of two',
});

const devicePattern = scalar('must be a path or glob under /dev/ without ".."', (text) =>
  /^\/dev\/./.test(text) && !text.split('/').includes('..') ? text : undefined,
).refine((pattern) => !(hasWildcard(pattern) && pattern.includes('\\')), {
  error: 'has both a wildcard and a backslash: write "?" in place of the backslash',
});

const diskRule = section({
  paths: list(devicePattern).min(1, { error: 'must name at least one path or glob' }),
  minSize: bytes().optional(),
  maxSize: bytes().optional(),
  rotational: flag().optional(),
});

const thin = section({
  // The rest lets the pool's metadata grow, which is what must never run out.
  share: percent(1, 100).default(95),
  overprovision: ratio(1, 1000).default(1),
  metadataSize: bytes(2n * MiB, largestThinMetadata).optional(),
  // LVM itself treats a threshold under 50 as 50.
  autoextend: section({ threshold: percent(50, 99), by: percent(1, 100) }).optional(),
  refuseAt: percent(1, 100).default(95),
});

const thinDefaults: ThinSpec = { share: 95, overprovision: 1, refuseAt: 95 };

const rates = section({
  readIops: rate().exactOptional(),
  writeIops: rate().exactOptional(),
  readBandwidth: rate().exactOptional(),
  writeBandwidth: rate().exactOptional(),
});

export const pool = section({
  name: scalar('must be a pool name: lower-case letters, digits and "-", 63 at most', parsePoolName),
  volumeGroup: scalar(
    'must be a volume group name: letters, digits and "_.+-", 63 at most, not beginning with "-"',
    parseVgName,
  ),
  type: choice(['thin', 'thick']),
  disks: diskRule.optional(),
  approve: choice(['manual', 'automatic']).default('manual'),
  // LVM allows 128 stripes and ten images of a mirror.
  stripes: count(1, 128).default(1),
  stripeSize: stripeSize.default(64n * KiB),
  mirrors: count(0, 9).default(0),
  reserve: bytes().default(0n),
  thin: thin.optional(),
  budget: rates.optional(),
  // Disks do less on a bad day than when they were measured.
  reservable: percent(1, 100).default(80),
  unreserved: rates.optional(),
}).transform(toPoolSpec);

type PoolSection = Omit<PoolSpec, 'group' | 'budget'> & {
  readonly volumeGroup: PoolSpec['group'];
  readonly budget?: Rates | undefined;
  readonly reservable: number;
  readonly unreserved?: Rates | undefined;
};

function toPoolSpec({ volumeGroup, budget, reservable, unreserved = {}, ...rest }: PoolSection): PoolSpec {
  return {
    ...rest,
    group: volumeGroup,
    ...(rest.type === 'thin' && { thin: rest.thin ?? thinDefaults }),
    ...(budget && { budget: { rates: budget, reservable, unreserved } }),
  };
}
