import { GiB, KiB, MiB } from '../domain/bytes.ts';
import { parsePoolName, parseVgName } from '../domain/ids.ts';
import { overwriteMethods, parseErasure } from '../domain/erasure.ts';
import { hasWildcard } from '../pools/patterns.ts';
import { type PoolSpec, type ThinSpec, whenFullChoices } from '../domain/pool.ts';
import type { Rates } from '../domain/qos.ts';
import { bytes, choice, count, flag, list, percent, rate, ratio, scalar, section } from './fields.ts';

/** The largest metadata of dm-thin: 15.875 GiB, rounded down from 255 bitmaps of 4 KiB blocks. */
const largestThinMetadata = (127n * GiB) / 8n;

/** LVM accepts powers of two from a page up to an extent, which is 4 MiB by default. */
const stripeSize = bytes(4n * KiB, 4n * MiB).refine((size) => (size & (size - 1n)) === 0n, {
  error: 'must be a power of two',
});

const devicePattern = scalar('must be a path or glob under /dev/ without ".."', (text) =>
  /^\/dev\/./.test(text) && !text.split('/').includes('..') ? text : undefined,
).refine((pattern) => !(hasWildcard(pattern) && pattern.includes('\\')), {
  error: 'has both a wildcard and a backslash: write "?" instead of the backslash',
});

const diskRule = section({
  paths: list(devicePattern)
    .min(1, { error: 'must name at least one path or glob' })
    .describe(
      'Paths or globs under `/dev/`. `/dev/disk/by-id/…` is best: kernel names change between boots. `*`, `?`, `[…]`, `{a,b}` and `**` are wildcards. In a path without wildcards a backslash is part of the name (udev writes a blank as `\\x20`); in a path with wildcards, write `?` for it.',
    ),
  minSize: bytes().optional().describe('Smallest size that matches.'),
  maxSize: bytes().optional().describe('Largest size that matches.'),
  rotational: flag()
    .optional()
    .meta({ description: '`true`: hard disks only. `false`: solid-state only.', otherwise: 'either' }),
});

const thin = section({
  // The rest is room for the pool's metadata, which must never run out.
  share: percent(1, 100)
    .default(95)
    .describe('Part of the group given to the thin pool, 1 to 100 percent. The rest is room for its metadata to grow.'),
  overprovision: ratio(1, 1000)
    .default(1)
    .describe(
      'Virtual bytes that volumes may have for each byte of the thin pool, 1 to 1000; `1`: no over-provisioning. May be a fraction such as `1.5`.',
    ),
  metadataSize: bytes(2n * MiB, largestThinMetadata)
    .optional()
    .meta({ description: "Size of the pool's metadata, 2Mi to 15.875Gi.", otherwise: 'sized for the pool' }),
  // LVM treats a threshold under 50 as 50.
  autoextend: section({
    threshold: percent(50, 99).meta({
      description: 'Once data or metadata is this full, it grows; 50 to 99 percent, below `refuseAt`.',
      otherwise: 'never grows without `autoextend`',
    }),
    by: percent(1, 100).meta({
      description: 'By how much of its size it grows, 1 to 100 percent.',
      otherwise: 'required in `autoextend`',
    }),
  }).optional(),
  whenFull: choice(whenFullChoices).optional().meta({
    description:
      '`queue`: while the data is full, writes to new blocks wait for room, for at most 60 seconds, and then fail. `error`: they fail at once.',
    otherwise: 'as LVM has it; a new pool queues',
  }),
  refuseAt: percent(1, 100)
    .default(95)
    .describe('New and larger volumes are refused once data or metadata is this full, 1 to 100 percent.'),
});

const thinDefaults: ThinSpec = { share: 95, overprovision: 1, refuseAt: 95 };

const rates = section({
  readIops: rate().exactOptional(),
  writeIops: rate().exactOptional(),
  readBandwidth: rate().exactOptional(),
  writeBandwidth: rate().exactOptional(),
});

export const poolName = scalar('must be a pool name: lower-case letters, digits and "-", 63 at most', parsePoolName);

export const pool = section({
  name: poolName.describe(
    'The name that a StorageClass gives as `pool`: lower-case letters, digits and `-`, at most 63. Unique.',
  ),
  volumeGroup: scalar(
    'must be a volume group name: letters, digits and "_.+-", 63 at most, not beginning with "-"',
    parseVgName,
  ).describe(
    'LVM volume group. An existing one is adopted as it is; with `disks`, a missing one is made from the first disks. Each group belongs to one pool.',
  ),
  type: choice(['thin', 'thick']).describe('`thin` or `thick`: the type of volumes whose class gives none.'),
  disks: diskRule.optional().meta({
    description: 'The disks that the pool takes. Without it the group is adopted by name and never extended.',
    otherwise: 'no rule',
  }),
  approve: choice(['manual', 'automatic'])
    .default('manual')
    .describe(
      '`manual`: a matching blank disk is proposed, and taken after `quarry disks approve`. `automatic`: it is taken at once; needs `disks`.',
    ),
  // LVM allows 128 stripes and ten images of a mirror.
  stripes: count(1, 128)
    .default(1)
    .describe(
      'Disks that a volume is striped over, 1 to 128: for the thin pool, and for thick volumes whose class gives no number.',
    ),
  stripeSize: stripeSize
    .default(64n * KiB)
    .describe('Size on one disk before the next is used: a power of two, 4Ki to 4Mi. Counts with two stripes or more.'),
  mirrors: count(0, 9)
    .default(0)
    .describe('Additional copies on other disks, 0 to 9. `stripes` × (`mirrors` + 1) disks are needed, 64 at most.'),
  reserve: bytes().default(0n).describe('Size kept free in the group.'),
  thin: thin.optional().meta({ description: 'Only with `type: thin`.', otherwise: 'all defaults' }),
  erase: choice(overwriteMethods)
    .default('none')
    .describe(
      'What happens at least to the content of each thick volume of the pool, and of its snapshots, after its deletion: `none`, `discard` or `zero`. A class can ask for more.',
    ),
  zeroOnCreate: flag()
    .default(false)
    .describe(
      '`true`: a new thick volume of the pool is written with zeros by a job of kind `copy` before it is handed out, unless it is encrypted or inline. Then a raw block device shows nothing of what its room held before. What a linear one grows by is written with zeros, too.',
    ),
  budget: rates
    .optional()
    .describe(
      "The rates that the pool's disks sustain: any of `readIops`, `writeIops`, `readBandwidth`, `writeBandwidth`. Only these can be reserved, and are shared out.",
    ),
  // Disks may sustain less than was measured.
  reservable: percent(1, 100)
    .default(80)
    .describe('How much of the budget may be reserved, 1 to 100 percent. Needs `budget`.'),
  unreserved: rates
    .optional()
    .describe(
      'Limits of a volume that has neither a limit nor a reservation for the rate; any of the four, not above the budget. Needs `budget`.',
    ),
}).transform(toPoolSpec);

type PoolSection = Omit<PoolSpec, 'group' | 'budget' | 'erase' | 'zeroOnCreate'> & {
  readonly erase: (typeof overwriteMethods)[number];
  readonly zeroOnCreate: boolean;
  readonly volumeGroup: PoolSpec['group'];
  readonly budget?: Rates | undefined;
  readonly reservable: number;
  readonly unreserved?: Rates | undefined;
};

function toPoolSpec({ volumeGroup, budget, reservable, unreserved = {}, ...others }: PoolSection): PoolSpec {
  const { erase, zeroOnCreate, ...rest } = others;
  return {
    ...rest,
    ...(zeroOnCreate && { zeroOnCreate }),
    group: volumeGroup,
    ...(erase !== 'none' && { erase: parseErasure(erase) }),
    ...(rest.type === 'thin' && { thin: rest.thin ?? thinDefaults }),
    ...(budget && { budget: { rates: budget, reservable, unreserved } }),
  };
}
