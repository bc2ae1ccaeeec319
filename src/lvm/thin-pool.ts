import { type Bytes, largest, MiB, roundDown, roundUp, smallest } from '../domain/bytes.ts';
import type { PoolSpec, ThinSpec } from '../domain/pool.ts';
import type { LvRecord, VgRecord } from './records.ts';

/** The thin metadata format holds no more than this (lvmthin(7)). */
const largestMetadata = 15n * 1024n * MiB + 832n * MiB;
const smallestMetadata = 32n * MiB;

export interface ThinPoolSizes {
  readonly data: Bytes;
  readonly metadata: Bytes;
}

/**
 * Bytes of metadata for a pool: a thousandth of its data, which serves 64 KiB chunks mapped once (48 bytes each, measured by
 * the format's authors) and leaves a third for sharing and balance.
 */
function metadataSize(spec: ThinSpec, data: Bytes, extentSize: Bytes): Bytes {
  const wanted = spec.metadataSize ?? smallest(largest(data / 1000n, smallestMetadata), largestMetadata);
  return roundUp(wanted, extentSize);
}

/** The sizes of a new thin pool: its share of the group, less its metadata, the spare of that, and what is kept free. */
export function newPoolSizes(spec: PoolSpec, thin: ThinSpec, vg: VgRecord): ThinPoolSizes {
  const copies = BigInt(spec.mirrors + 1);
  const share = (vg.size * BigInt(Math.round(thin.share * 100))) / 10_000n;
  const metadata = metadataSize(thin, share / copies, vg.extentSize);
  const overhead = 2n * metadata * copies + (spec.mirrors > 0 ? 4n * copies * vg.extentSize : 0n);
  const room = smallest(share, largest(vg.free - spec.reserve, 0n)) - overhead;
  return { data: roundDown(largest(room, 0n) / copies, vg.extentSize * BigInt(spec.stripes)), metadata };
}

/** The size that data has to have after the group grew; the size it has where nothing is to be done. */
export function grownPoolSize(spec: PoolSpec, thin: ThinSpec, vg: VgRecord, pool: LvRecord): Bytes {
  const copies = BigInt(spec.mirrors + 1);
  const target = newPoolSizes(spec, thin, { ...vg, free: vg.size }).data;
  const possible = pool.size + largest(vg.free - spec.reserve, 0n) / copies;
  return largest(pool.size, roundDown(smallest(target, possible), vg.extentSize * BigInt(spec.stripes)));
}

/** Data's next size when it is as full as the policy says; `undefined` where there is nothing to do, or no room. */
export function autoextendedSize(spec: PoolSpec, thin: ThinSpec, vg: VgRecord, pool: LvRecord): Bytes | undefined {
  const { autoextend } = thin;
  if (!autoextend || pool.dataPercent < autoextend.threshold) return undefined;
  const unit = vg.extentSize * BigInt(spec.stripes);
  const wanted = pool.size + roundUp((pool.size * BigInt(Math.round(autoextend.by))) / 100n, unit);
  const possible = pool.size + largest(vg.free - spec.reserve, 0n) / BigInt(spec.mirrors + 1);
  const size = roundDown(smallest(wanted, possible), unit);
  return size > pool.size ? size : undefined;
}

/**
 * The next size of metadata that is as full as the policy says; `undefined` where there is no room. Its spare grows with it,
 * and copies of both with a mirrored pool.
 */
export function autoextendedMetadata(spec: PoolSpec, thin: ThinSpec, vg: VgRecord, size: Bytes): Bytes | undefined {
  if (!thin.autoextend) return undefined;
  const wanted = size + roundUp((size * BigInt(Math.round(thin.autoextend.by))) / 100n, vg.extentSize);
  const grown = smallest(wanted, roundDown(largestMetadata, vg.extentSize));
  const cost = 2n * (grown - size) * BigInt(spec.mirrors + 1);
  return grown > size && cost <= largest(vg.free - spec.reserve, 0n) ? grown : undefined;
}
