import { type Bytes, formatBytes } from '../../domain/bytes.ts';
import { Failure } from '../../domain/errors.ts';
import type { LvName, VgName, VolumeId } from '../../domain/ids.ts';
import type { PoolSpec } from '../../domain/pool.ts';
import { abortMove, beginLeaving, endLeaving } from './commands.ts';
import type { InventoryCache } from '../cache.ts';
import { type Member, memberOf } from '../disk-removal.ts';
import type { Lvm } from '../process/lvm.ts';
import { linkedDevice } from '../process/system.ts';
import type { PvRecord } from '../records.ts';
import type { Writer } from '../writer.ts';
import { leavingTag } from './leaving-tag.ts';
import { type Plan, planMoves } from './placement.ts';
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

/** Disks that an administrator takes out of their groups. The decision is a tag of the disk, so that no crash loses it. */
export class LeavingDisks {
  readonly #options: LeavingDisksOptions;

  constructor(options: LeavingDisksOptions) {
    this.#options = options;
  }

  /**
   * Records that everything on the disk moves to the other disks of its group, from now on, and returns what that is. Changes nothing with `dryRun`.
   * Throws `exhausted`, with all that has no room, and `not-found` for a disk of no pool.
   */
  async begin(
    disk: string,
    { removed, dryRun }: { readonly removed: boolean; readonly dryRun: boolean },
    signal: AbortSignal,
  ): Promise<Relocation[]> {
    const { group } = memberOf(this.#options.cache, disk);
    return this.#exclusive(group, signal, async () => {
      const record = this.#usable(disk);
      const { plan, extentSize } = await this.plan(record);
      if (plan.lacking.size > 0) throw this.lacksRoom(record, plan, extentSize);
      this.#refuseReserve(record);
      if (!dryRun) await this.#mark(record, removed);
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
    const { cache, lvm } = this.#options;
    const { devices, groups } = cache.report();
    const extentSize = groups.find(({ group }) => group === record.group)?.extentSize ?? 0n;
    if (extentSize === 0n) throw new Failure('unavailable', `LVM does not show volume group ${record.group}`);
    const usable = devices.filter(({ group, allocatable }) => group === record.group && allocatable);
    const free = new Map(usable.map((device) => [device.device, Number(device.free / extentSize)]));
    return { plan: planMoves(await readSegments(lvm, record.group), record.device, free), extentSize };
  }

  lacksRoom({ device, group }: Member, { lacking }: Plan, extentSize: Bytes): Failure {
    const parts = [...lacking].map(([lv, extents]) => `${group}/${lv} (${formatBytes(BigInt(extents) * extentSize)})`);
    return new Failure(
      'exhausted',
      `the other disks of ${group} have no room for all that is on ${linkedDevice(device)}: ${parts.join(', ')}. Add a disk, or delete volumes; a copy of a mirror needs a disk without another copy of it`,
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

  async #mark({ device, size, free, leaving }: Member, removed: boolean): Promise<void> {
    const { writer } = this.#options;
    const what = `${linkedDevice(device)} could not be marked`;
    const added = leavingTag(leaving?.used ?? size - free, removed);
    if (leaving?.tags.includes(added)) return;
    await writer.change(what, beginLeaving(device, added, leaving?.tags));
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
  #refuseReserve(record: Member): void {
    const { reserve } = this.#spec(record);
    const free = this.#others(record).reduce((sum, other) => (other.leaving ? sum : sum + other.free), 0n);
    const left = free - (record.size - record.free);
    if (left >= reserve) return;
    const message = `pool ${this.#spec(record).name} keeps ${formatBytes(reserve)} free (reserve), and ${formatBytes(left)} would be left without ${linkedDevice(record.device)}: add a disk, or delete volumes`;
    throw new Failure('exhausted', message);
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
