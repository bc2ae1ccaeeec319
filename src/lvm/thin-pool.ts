import { type Bytes, largest, MiB, roundDown, roundUp, smallest } from '../domain/bytes.ts';
import { type FreeSpace, legSize } from '../domain/capacity.ts';
import type { Condition, StorageReasonName } from '../domain/health.ts';
import type { LvName, VgName } from '../domain/ids.ts';
import type { PoolSpec, ThinSpec } from '../domain/pool.ts';
import type { LvRecord, PvRecord, VgRecord } from './records.ts';

/** The limit of the thin metadata format (lvmthin(7)). */
const largestMetadata = 15n * 1024n * MiB + 832n * MiB;
const smallestMetadata = 32n * MiB;

export interface ThinPoolSizes {
  readonly data: Bytes;
  readonly metadata: Bytes;
}

/** A volume group with the free space of each of its devices. */
export interface GroupSpace extends FreeSpace {
  readonly size: Bytes;
}

/** Counts the devices that LVM may allocate from. Those that leave the group do not count, and what is on them keeps its room on the others. */
export function spaceOf(vg: VgRecord, devices: readonly PvRecord[]): GroupSpace {
  const members = devices.filter((pv) => pv.group === vg.group);
  const deviceFree = members.filter((pv) => pv.allocatable).map((pv) => pv.free);
  const leaving = members.reduce((sum, pv) => (pv.leaving && !pv.missing ? sum + pv.size : sum), 0n);
  const [size, free] = [vg.size - leaving, largest(vg.free - leaving, 0n)];
  return { size, free, extentSize: vg.extentSize, deviceFree };
}

/**
 * Bytes of metadata for a pool: a thousandth of its data. That is enough for 64 KiB chunks mapped once (48 bytes each, measured by
 * the format's authors) and leaves a third for sharing and balance.
 */
function metadataSize(spec: ThinSpec, data: Bytes, extentSize: Bytes): Bytes {
  const wanted = spec.metadataSize ?? smallest(largest(data / 1000n, smallestMetadata), largestMetadata);
  return roundUp(wanted, extentSize);
}

const copiesOf = (spec: PoolSpec): bigint => BigInt(spec.mirrors + 1);
const legsOf = (spec: PoolSpec): number => spec.stripes * (spec.mirrors + 1);

/** The bytes by which data can grow now. */
function growth(spec: PoolSpec, space: FreeSpace): Bytes {
  return legSize(space, spec.reserve, legsOf(spec)) * BigInt(spec.stripes);
}

/** The sizes that a pool gets for its share of a group of this size. */
function sharedSizes(spec: PoolSpec, thin: ThinSpec, { size, extentSize }: GroupSpace, room: Bytes) {
  const copies = copiesOf(spec);
  const share = (size * BigInt(Math.round(thin.share * 100))) / 10_000n;
  const metadata = metadataSize(thin, share / copies, extentSize);
  const overhead = 2n * metadata * copies + (spec.mirrors > 0 ? 4n * copies * extentSize : 0n);
  const data = largest(smallest(share, room) - overhead, 0n) / copies;
  return { data: roundDown(data, extentSize * BigInt(spec.stripes)), metadata };
}

/**
 * The sizes of a new thin pool: its share of the group without its metadata, the metadata's spare and the reserve. Each leg must fit on a
 * separate device.
 */
export function newPoolSizes(spec: PoolSpec, thin: ThinSpec, space: GroupSpace): ThinPoolSizes {
  const { data, metadata } = sharedSizes(spec, thin, space, largest(space.free - spec.reserve, 0n));
  if (legsOf(spec) === 1) return { data, metadata };
  // The device of a leg may also have to hold the metadata, its spare and the extra extents of mirrors.
  const extra = 2n * metadata + (spec.mirrors > 0 ? 4n * space.extentSize : 0n);
  const perLeg = largest(legSize(space, spec.reserve, legsOf(spec)) - extra, 0n);
  return { data: smallest(data, roundDown(perLeg, space.extentSize) * BigInt(spec.stripes)), metadata };
}

/** The size that data should have in a group of this size, without regard to free space. */
function targetSize(spec: PoolSpec, thin: ThinSpec, space: GroupSpace): Bytes {
  return sharedSizes(spec, thin, space, largest(space.size - spec.reserve, 0n)).data;
}

/** The size of data after the group grew; its present size if it need not or cannot grow. */
export function grownPoolSize(spec: PoolSpec, thin: ThinSpec, space: GroupSpace, pool: LvRecord): Bytes {
  const possible = pool.size + growth(spec, space);
  const unit = space.extentSize * BigInt(spec.stripes);
  return largest(pool.size, roundDown(smallest(targetSize(spec, thin, space), possible), unit));
}

/** Why a pool cannot grow although its group has room; `undefined` if it can or need not grow. */
export function growthProblem(spec: PoolSpec, thin: ThinSpec, space: GroupSpace, pool: LvRecord): string | undefined {
  const unit = space.extentSize * BigInt(spec.stripes);
  const missing = smallest(targetSize(spec, thin, space) - pool.size, (space.free - spec.reserve) / copiesOf(spec));
  if (missing < unit || growth(spec, space) >= unit) return undefined;
  return `the thin pool of ${spec.name} cannot grow: ${lackingDevices(spec, space)}`;
}

/** Why the group has no room for a new thin pool, for a message. */
export function lackingRoom(spec: PoolSpec, { share }: ThinSpec, space: GroupSpace): string {
  const { group, reserve } = spec;
  if (usableDevices(space) < legsOf(spec)) return lackingDevices(spec, space);
  return `its share of volume group ${group} (${share} %) has no room for data and metadata: ${space.free} bytes are free, of which ${reserve} are reserved`;
}

function lackingDevices(spec: PoolSpec, space: GroupSpace): string {
  const [legs, usable] = [legsOf(spec), usableDevices(space)];
  return `its ${legs} legs (stripes times copies) need as many devices with free space, and ${usable} have some; add ${legs - usable} more`;
}

function usableDevices({ deviceFree, extentSize }: GroupSpace): number {
  return deviceFree.filter((free) => free >= extentSize).length;
}

/** The next size of data that has reached the policy's threshold; `undefined` if it has not, or has no room. */
export function autoextendedSize(spec: PoolSpec, thin: ThinSpec, space: GroupSpace, pool: LvRecord): Bytes | undefined {
  const { autoextend } = thin;
  if (!autoextend || pool.dataPercent < autoextend.threshold) return undefined;
  const unit = space.extentSize * BigInt(spec.stripes);
  const wanted = pool.size + roundUp((pool.size * BigInt(Math.round(autoextend.by))) / 100n, unit);
  const size = roundDown(smallest(wanted, pool.size + growth(spec, space)), unit);
  return size > pool.size ? size : undefined;
}

/**
 * The next size of metadata that has reached the policy's threshold; `undefined` if it has not, or has no room. Its spare grows with it, and in a
 * mirrored pool the copies of both.
 */
export function autoextendedMetadata(
  spec: PoolSpec,
  thin: ThinSpec,
  space: GroupSpace,
  { metadataSize: size, metadataPercent }: LvRecord,
): Bytes | undefined {
  const { autoextend } = thin;
  if (!autoextend || metadataPercent < autoextend.threshold) return undefined;
  const wanted = size + roundUp((size * BigInt(Math.round(autoextend.by))) / 100n, space.extentSize);
  const grown = smallest(wanted, roundDown(largestMetadata, space.extentSize));
  const cost = 2n * (grown - size) * copiesOf(spec);
  return grown > size && cost <= largest(space.free - spec.reserve, 0n) ? grown : undefined;
}

/** The kernel makes a pool read-only when it needs metadata and none is left. */
const fullMetadata = 90;

/** What is wrong with a pool that accepts no more data, and what to do; `undefined` if it works. LVM reports 0 % for a pool that failed or is inactive. */
export function thinPoolCondition(record: LvRecord): Condition<StorageReasonName> | undefined {
  const { group, lv, active, health, needsCheck, metadataPercent } = record;
  const [path, pool] = [`${group}/${lv}`, `thin pool ${group}/${lv}`];
  const because = (reason: StorageReasonName, message: string) => ({ reason, message });
  if (!active && health === 'partial') {
    return because(
      'ThinPoolInactive',
      `${pool} is not active, because a disk under it is missing: bring the disk back`,
    );
  }
  if (!active) return because('ThinPoolInactive', `${pool} is not active: activate it with "lvchange -a y ${path}"`);
  const full =
    metadataPercent >= fullMetadata && `enlarge its metadata with "lvextend --poolmetadatasize +SIZE ${path}"`;
  if (needsCheck) {
    const message = `${pool} needs a check. ${repair(group, lv)}${full ? `; then ${full}` : ''}`;
    return because('ThinPoolNeedsCheck', message);
  }
  switch (health) {
    case '':
      return undefined;
    case 'failed':
      return because('ThinPoolFailed', `${pool} has failed: the kernel log says why. ${repair(group, lv)}`);
    case 'out_of_data': {
      const message = `${pool} is out of data space: add a disk, delete volumes, or delete files and run fstrim`;
      return because('ThinPoolOutOfData', message);
    }
    case 'metadata_read_only':
      if (full) return because('ThinPoolOutOfMetadata', `${pool} is out of metadata space: ${full}`);
      return because(
        'ThinPoolReadOnly',
        `the metadata of ${pool} is read-only: the kernel log says why. ${repair(group, lv)}`,
      );
    default:
      return because('PoolNotReady', `LVM reports ${pool} as ${health}`);
  }
}

/** Why the pool accepts no more data, and what to do; `undefined` if it works. */
export function thinPoolProblem(record: LvRecord): string | undefined {
  return thinPoolCondition(record)?.message;
}

function repair(group: VgName, lv: LvName): string {
  return `When its disks are well and its volumes unused: vgchange -an ${group}; lvconvert --repair ${group}/${lv}; vgchange -ay ${group}`;
}

/**
 * Why the kernel accepts no deletion in this active pool. LVM would remove the volume from its own metadata first: a repair of the pool
 * then fails, because the two disagree about the last transaction.
 */
export function removalProblem(pool: LvRecord): string | undefined {
  const { health, active, needsCheck, metadataPercent } = pool;
  // LVM's word for a missing copy hides the kernel's state of the pool; of one that has failed it knows no percentage.
  const lacksCopy =
    health === 'partial' && active && !needsCheck && metadataPercent > 0 && metadataPercent < fullMetadata;
  return lacksCopy || health === 'out_of_data' ? undefined : thinPoolProblem(pool);
}
