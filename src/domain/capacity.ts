import { type Bytes, largest, roundDown, roundUp, type SizeRange, smallest, wantedSize } from './bytes.ts';
import { type Encryption, grossSize } from './encryption.ts';
import { Failure } from './errors.ts';
import type { Pool } from './pool.ts';
import type { Layout } from './volume.ts';

/** Metadata of one more volume with our tags, rounded up: 510 bytes were measured, and a mirror's segments add to it. */
const metadataPerVolume = 2048n;

/** The largest volume of this layout that can be made now; 0 if none can. */
export function largestVolume(pool: Pool, layout: Layout): Bytes {
  if (refusal(pool, layout) !== undefined) return 0n;
  return layout.type === 'thin' ? largestThin(pool) : largestThick(pool, layout);
}

/** Why no volume at all can be made or grown, whatever its size. */
function refusal(pool: Pool, layout: Layout): string | undefined {
  const { spec, metadata, thin } = pool;
  if (!metadataFits(pool)) {
    return `the metadata area of volume group ${spec.group} is full (${metadata.free} of ${metadata.size} bytes free)`;
  }
  if (layout.type === 'thick') return undefined;
  if (!spec.thin || !thin) return `pool ${spec.name} has no thin pool`;
  if (thin.problem !== undefined) return thin.problem;
  if (thin.dataPercent >= spec.thin.refuseAt) return `the thin pool of ${spec.name} is ${thin.dataPercent} % full`;
  if (thin.metadataPercent >= spec.thin.refuseAt) {
    return `the metadata of the thin pool of ${spec.name} is ${thin.metadataPercent} % full`;
  }
  return undefined;
}

/** LVM reports the area's whole size and halves what it calls free: a commit writes the new copy next to the old one. */
function metadataFits({ metadata }: Pool): boolean {
  return metadata.free >= largest(metadataPerVolume, metadata.size / 50n);
}

function largestThin({ spec, thin, extentSize }: Pool): Bytes {
  if (!spec.thin || !thin) return 0n;
  const promise = BigInt(Math.floor(Number(thin.size) * spec.thin.overprovision));
  return roundDown(largest(promise - thin.promised, 0n), extentSize);
}

/**
 * Each of stripes × (mirrors + 1) legs needs its own physical volume; a mirror's leg takes one more extent for its
 * metadata. A linear volume may take every free extent.
 */
function largestThick(pool: Pool, layout: Extract<Layout, { type: 'thick' }>): Bytes {
  const { extentSize } = pool;
  const perLeg = legSize(pool, pool.spec.reserve, layout.stripes * (layout.mirrors + 1));
  const data = layout.mirrors === 0 ? perLeg : largest(perLeg - extentSize, 0n);
  return data * BigInt(layout.stripes);
}

/** The free space of a group: the total, and on each device that LVM may allocate from. */
export interface FreeSpace {
  readonly free: Bytes;
  readonly deviceFree: readonly Bytes[];
  readonly extentSize: Bytes;
}

/**
 * The size in bytes that each of `legs` can have, a multiple of an extent. Each leg needs its own device, so the fullest device taken
 * decides; a single leg may use every device. LVM can also join devices into one leg: the result is then too small, never too large.
 */
export function legSize({ free, deviceFree, extentSize }: FreeSpace, reserve: Bytes, legs: number): Bytes {
  const usable = largest(free - reserve, 0n);
  if (legs === 1) return roundDown(smallest(usable, sum(deviceFree)), extentSize);
  const devices = deviceFree.filter((bytes) => bytes > 0n).sort((a, b) => (a < b ? 1 : -1));
  return roundDown(smallest(devices[legs - 1] ?? 0n, usable / BigInt(legs)), extentSize);
}

function sum(values: readonly Bytes[]): Bytes {
  return values.reduce((a, b) => a + b, 0n);
}

/** The unit that LVM rounds a size of this layout up to. */
export function sizeUnit(pool: Pool, layout: Layout): Bytes {
  return layout.type === 'thick' ? pool.extentSize * BigInt(layout.stripes) : pool.extentSize;
}

/**
 * The exact size to make for a range: `required`, rounded up to a size that LVM can make.
 * Throws `out-of-range` if that exceeds the limit, `exhausted` if it exceeds the pool's room.
 */
export function chooseSize(pool: Pool, layout: Layout, range: SizeRange): Bytes {
  const size = roundedSize(pool, layout, range);
  const reason = refusal(pool, layout);
  const room = largestVolume(pool, layout);
  if (reason !== undefined) throw new Failure('exhausted', `${reason}; nothing can be made in it`);
  if (size > room) {
    const kind = layout.type === 'thin' ? 'thin' : describeThick(layout);
    throw new Failure(
      'exhausted',
      `pool ${pool.spec.name} can hold a ${kind} volume of ${room} bytes at most; ${size} were asked for`,
    );
  }
  return size;
}

/** Throws `exhausted` if a volume of `size` bytes cannot grow to `wanted` bytes. */
export function refuseGrowth(pool: Pool, layout: Layout, size: Bytes, wanted: Bytes): void {
  const reason = refusal(pool, layout);
  if (reason !== undefined) throw new Failure('exhausted', `${reason}; nothing can grow in it`);
  const room = largestVolume(pool, layout);
  if (wanted - size > room) {
    throw new Failure(
      'exhausted',
      `pool ${pool.spec.name} has room for ${room} bytes more; ${wanted - size} were asked for`,
    );
  }
}

/** The range of the logical volume for what its user asks for. With integrity, the user gets that size exactly, and the rest of the logical volume is of no use. */
export function withOverhead(range: SizeRange, encryption: Encryption | undefined): SizeRange {
  if (encryption?.type !== 'luks2') return range;
  const required = grossSize(encryption, wantedSize(range));
  const { limit } = range;
  return limit === undefined || encryption.integrity ? { required } : { required, limit: grossSize(encryption, limit) };
}

/** As `chooseSize`, without checking the room. */
export function roundedSize(pool: Pool, layout: Layout, range: SizeRange): Bytes {
  const unit = sizeUnit(pool, layout);
  const size = largest(roundUp(wantedSize(range), unit), unit);
  if (range.limit === undefined || size <= range.limit) return size;
  const below = roundDown(range.limit, unit);
  if (range.required === 0n && below > 0n) return below;
  throw new Failure(
    'out-of-range',
    `sizes in pool ${pool.spec.name} are multiples of ${unit} bytes: none lies between ${range.required} and ${range.limit}`,
  );
}

function describeThick(layout: Extract<Layout, { type: 'thick' }>): string {
  const stripes = layout.stripes > 1 ? `${layout.stripes}-stripe ` : '';
  const mirrors = layout.mirrors > 0 ? `${layout.mirrors + 1}-copy ` : '';
  return `${stripes}${mirrors}thick`;
}
