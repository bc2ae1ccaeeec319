import { type Bytes, formatBytes, largest, MiB } from '../../domain/bytes.ts';
import type { DiskErasure } from '../../domain/erasure.ts';
import { Failure } from '../../domain/errors.ts';
import type { LvName, VgName, VolumeId } from '../../domain/ids.ts';
import type { PoolSpec } from '../../domain/pool.ts';
import { abortMove, beginLeaving, endLeaving } from './commands.ts';
import type { InventoryCache } from '../cache.ts';
import { type Member, memberOf } from '../disk-removal.ts';
import { metadataAreaSize } from '../groups.ts';
import type { Lvm } from '../process/lvm.ts';
import { linkedDevice } from '../process/system.ts';
import type { PvRecord } from '../records.ts';
import type { Writer } from '../writer.ts';
import { ErasedDisks } from './disk-erasure.ts';
import { awaited, leavingTag } from './leaving-tag.ts';
import { freeAfter, type Plan, planMoves, type Segment } from './placement.ts';
import { readMoving, readSegments } from './segments.ts';

export interface LeavingDisksOptions {
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
  readonly writer: Writer;
}

/** What moves where, for people. */
export interface Relocation {
  /** `group/name` */
  readonly lv: string;
  /** Absent: the logical volume belongs to a thin pool, or is not Quarry's. */
  readonly volume: VolumeId | undefined;
  readonly size: Bytes;
  readonly to: string;
}

/** A disk that takes what is on another one. */
export interface Replacement {
  /** Path of the device. */
  readonly device: string;
  /** Of the device; counts only while it is not in the group yet. */
  readonly size: Bytes;
}

/** How a disk leaves its group. */
export interface Departure {
  /** The disk leaves its group when nothing is on it any longer. */
  readonly removed: boolean;
  readonly dryRun: boolean;
  /** All of the disk is erased before it leaves its group. */
  readonly erase?: DiskErasure | undefined;
  /** Takes all that it has room for. If it is not in the group yet, nothing moves before this was called again, when it is. */
  readonly replacement?: Replacement | undefined;
}

/** Disks that an administrator takes out of their groups. The decision is a tag of the disk, so that no crash loses it. */
export class LeavingDisks {
  readonly erasure: ErasedDisks;
  readonly #options: LeavingDisksOptions;

  constructor(options: LeavingDisksOptions) {
    this.#options = options;
    this.erasure = new ErasedDisks(options);
  }

  /**
   * Records that everything on the disk moves to the other disks of its group, from now on, and returns what that is. Changes nothing with `dryRun`.
   * Throws `exhausted`, with all that has no room, and `not-found` for a disk of no pool.
   */
  async begin(disk: string, departure: Departure, signal: AbortSignal): Promise<Relocation[]> {
    const { dryRun, replacement } = departure;
    const { group } = memberOf(this.#options.cache, disk);
    return this.#exclusive(group, signal, async () => {
      const record = this.#usable(disk);
      const member = replacement && this.#inGroup(group, replacement);
      const added = member ? undefined : replacement;
      const { plan, extentSize } = await this.#planAfterOthers(record, (member ?? added)?.device, added);
      if (plan.lacking.size > 0) throw this.lacksRoom(record, plan, extentSize);
      this.#refuseReserve(record, added?.size ?? 0n);
      if (!dryRun) await this.#mark(record, departure);
      return plan.moves.map(({ lv, extents, to }) => ({
        lv: `${group}/${lv}`,
        volume: this.#volumeOf(group, lv),
        size: BigInt(extents) * extentSize,
        to: linkedDevice(to),
      }));
    });
  }

  /** Lets LVM use the disk again. What has moved stays where it is. Succeeds also if the disk does not leave. */
  async keep(disk: string, signal: AbortSignal): Promise<void> {
    const { group } = memberOf(this.#options.cache, disk);
    await this.#exclusive(group, signal, async () => {
      const { device, leaving } = memberOf(this.#options.cache, disk);
      if (!leaving) return;
      const { lvm, writer } = this.#options;
      const what = `${linkedDevice(device)} could not be kept`;
      // A crash has cut it off, and no job would end it any more.
      const cutOff = (await readMoving(lvm, group)).some(({ from }) => from === device);
      if (cutOff) await writer.slowChange(what, abortMove(device));
      await writer.change(what, endLeaving(device, leaving.tags));
    });
  }

  /** Where all that is on the disk can go now. Call it only within the group's turn. */
  async plan(record: Member): Promise<{ readonly plan: Plan; readonly extentSize: Bytes }> {
    const { extentSize, free, segments } = await this.#places(record);
    const { devices } = this.#options.cache.report();
    const preferred = devices.find(({ uuid }) => uuid === record.leaving?.replacement)?.device;
    return { plan: planWith(segments, record.device, free, preferred), extentSize };
  }

  /** The same, with the room that the disks which already leave need, and with a disk that will be in the group. */
  async #planAfterOthers(record: Member, preferred: string | undefined, added: Replacement | undefined) {
    const { extentSize, free, segments } = await this.#places(record);
    const leaving = this.#others(record).filter((other) => other.leaving && !other.missing);
    // LVM keeps its metadata in front of the extents.
    const usable = (added?.size ?? 0n) - headerSize;
    if (added) free.set(added.device, Number(largest(usable, 0n) / extentSize));
    const left = freeAfter(
      segments,
      leaving.map(({ device }) => device),
      free,
    );
    return { plan: planWith(segments, record.device, left, preferred), extentSize };
  }

  async #places({ group }: Member) {
    const { cache, lvm } = this.#options;
    const { devices, groups } = cache.report();
    const extentSize = groups.find((vg) => vg.group === group)?.extentSize ?? 0n;
    if (extentSize === 0n) throw new Failure('unavailable', `LVM does not show volume group ${group}`);
    const usable = devices.filter((device) => device.group === group && device.allocatable);
    const free = new Map(usable.map((device) => [device.device, Number(device.free / extentSize)]));
    const erased = new Set(
      cache
        .report()
        .volumes.filter(({ erasing }) => erasing?.disk)
        .map(({ lv }) => lv),
    );
    const segments = (await readSegments(lvm, group)).filter(({ lv }) => !erased.has(lv));
    return { extentSize, free, segments };
  }

  lacksRoom(record: Member, { lacking }: Plan, extentSize: Bytes): Failure {
    const { device, group } = record;
    const parts = [...lacking].map(([lv, extents]) => `${group}/${lv} (${formatBytes(BigInt(extents) * extentSize)})`);
    return new Failure(
      'exhausted',
      `the other disks of ${group} have no room for all that is on ${linkedDevice(device)}: ${parts.join(', ')}. ${formatBytes(this.#freeElsewhere(record))} are free on them. Add a disk, or delete volumes; a copy of a mirror needs a disk without another copy of it`,
    );
  }

  /** Runs the task within the group's turn. LVM's state is read again before and after it. */
  async #exclusive<T>(group: VgName, signal: AbortSignal, task: () => Promise<T>): Promise<T> {
    const { writer, cache } = this.#options;
    const result = await writer.exclusive(group, signal, async () => {
      await cache.refresh();
      return task();
    });
    await cache.refresh();
    return result;
  }

  async #mark(record: Member, { removed, replacement, erase: method }: Departure): Promise<void> {
    const { device, size, free, leaving, group } = record;
    const erase = method && { method, begun: leaving?.erase?.begun === true && leaving.erase.method === method };
    const what = `${linkedDevice(device)} could not be marked`;
    const uuid = replacement && (this.#inGroup(group, replacement)?.uuid ?? awaited);
    const added = leavingTag({ used: leaving?.used ?? size - free, removed, replacement: uuid, erase });
    if (leaving?.tags.includes(added)) return;
    await this.#options.writer.change(what, beginLeaving(device, added, leaving?.tags));
  }

  #inGroup(group: VgName, { device }: Replacement): PvRecord | undefined {
    const { devices } = this.#options.cache.report();
    return devices.find((one) => one.group === group && linkedDevice(one.device) === device);
  }

  #usable(disk: string): Member {
    const record = memberOf(this.#options.cache, disk);
    const vg = this.#options.cache.report().groups.find(({ group }) => group === record.group);
    if (vg?.missingDevices === 0) return record;
    const message = `${vg?.missingDevices ?? 'some'} disks of ${record.group} are missing: LVM moves and removes nothing until they are back, or out of the group`;
    throw new Failure('precondition', message);
  }

  #others({ group, uuid }: Member): PvRecord[] {
    return this.#options.cache.report().devices.filter((other) => other.group === group && other.uuid !== uuid);
  }

  /** Throws `exhausted` if the other disks would have less free than the pool keeps. */
  #refuseReserve(record: Member, added: Bytes): void {
    const { reserve, name } = this.#spec(record);
    const left = this.#freeElsewhere(record) + added - this.#movable(record);
    if (left >= reserve) return;
    const message = `pool ${name} keeps ${formatBytes(reserve)} free (reserve), and ${formatBytes(largest(left, 0n))} would be left without ${linkedDevice(record.device)}: add a disk, or delete volumes`;
    throw new Failure('exhausted', message);
  }

  /** Bytes of the disks that stay, without those that the disks which already leave need. */
  #freeElsewhere(record: Member): Bytes {
    return this.#others(record).reduce(
      (sum, other) => (other.leaving ? sum - this.#movable(other) : sum + other.free),
      0n,
    );
  }

  /** Bytes that are on the disk, without what takes it while it is erased. */
  #movable(record: PvRecord): Bytes {
    return record.size - record.free - (this.erasure.on(record)?.size ?? 0n);
  }

  #spec({ group }: Member): PoolSpec {
    const spec = this.#options.cache.specs.find((one) => one.group === group);
    if (spec) return spec;
    throw new Failure('not-found', `no pool has volume group ${group}`);
  }

  #volumeOf(group: VgName, lv: LvName): VolumeId | undefined {
    const { volumes } = this.#options.cache.current();
    return [...volumes.values()].find((volume) => volume.group === group && volume.lv === lv)?.id;
  }
}

/** Bytes in front of the first extent of a disk, at most, and after the last. */
const headerSize = metadataAreaSize + 4n * MiB;

/** Prefers a disk for everything. */
function planWith(
  segments: readonly Segment[],
  leaving: string,
  free: ReadonlyMap<string, number>,
  preferred: string | undefined,
): Plan {
  const alone = new Map([...free].filter(([device]) => device === preferred));
  const plan = planMoves(segments, leaving, alone);
  return alone.size > 0 && plan.lacking.size === 0 ? plan : planMoves(segments, leaving, free);
}
