import { setTimeout as sleep } from 'node:timers/promises';
import { type Bytes, KiB } from '../../domain/bytes.ts';
import { Failure } from '../../domain/errors.ts';
import type { LvName, VgName } from '../../domain/ids.ts';
import type { JobControl } from '../../domain/jobs.ts';
import { activateVolume } from '../arguments.ts';
import { limitRepair, refreshVolume, replaceCopies } from './mirror-arguments.ts';
import type { InventoryCache } from '../cache.ts';
import { type Copies, readParts } from './mirror-copies.ts';
import { thinPoolOf } from '../inventory.ts';
import type { Lvm } from '../process/lvm.ts';
import { meansLostCopy, readMirror } from './mirror.ts';
import type { MissingDisks } from './missing-disks.ts';
import type { LvRecord } from '../records.ts';
import { roleOf } from '../volume-records.ts';
import type { Writer } from '../writer.ts';

export interface LostCopiesOptions {
  readonly lvm: Lvm;
  readonly writer: Writer;
  readonly cache: InventoryCache;
  readonly missing: MissingDisks;
  /** Bytes per second for each copy, at most. */
  readonly rate: Bytes;
  /** Milliseconds between two checks of the progress; for tests. */
  readonly interval?: number;
}

/** A mirrored volume or thin pool that lacks a copy. */
export interface Incomplete {
  readonly record: LvRecord;
  /** Why the copy cannot be made now. */
  readonly waits: string | undefined;
}

/**
 * Makes mirrors complete whose copies were on a disk that was lost: on another disk of the group, or, if the disk is back, on it. The kernel
 * copies while the volumes are in use, and continues after a crash or a power cut by itself.
 */
export class LostCopies {
  readonly #options: LostCopiesOptions;
  #copies: readonly Copies[] = [];

  constructor(options: LostCopiesOptions) {
    this.#options = options;
  }

  /** Reads the copies of the groups that have mirrors. Throws `unavailable`. */
  async look(): Promise<void> {
    const { cache, lvm } = this.#options;
    const { volumes } = cache.current();
    const mirrored = new Set(
      [...volumes.values()].flatMap(({ group, layout }) =>
        layout.type === 'thick' && layout.mirrors > 0 ? [group] : [],
      ),
    );
    for (const { thin, mirrors, group } of cache.specs) if (thin && mirrors > 0) mirrored.add(group);
    const present = cache.report().groups.filter(({ group }) => mirrored.has(group));
    const parts = await Promise.all(present.map(({ group }) => readParts(lvm, group)));
    this.#copies = parts.flatMap(({ copies }) => copies);
  }

  /** According to the last look. */
  incomplete(): Incomplete[] {
    const { cache } = this.#options;
    const { volumes } = cache.report();
    const pools = new Set(cache.specs.flatMap((spec) => (spec.thin && thinPoolOf(cache.report(), spec.group)) ?? []));
    return volumes.flatMap((record) => {
      if (!pools.has(record) && roleOf(record) === undefined) return [];
      const names: readonly string[] = partsOf(record);
      const lacking = this.#copies.filter(
        (copies) => copies.group === record.group && names.includes(copies.lv) && isIncomplete(copies),
      );
      return lacking.length === 0 ? [] : [{ record, waits: this.#whyWait(record.group, lacking) }];
    });
  }

  /** Throws `busy` if it has to wait. */
  async complete(record: LvRecord, control: JobControl): Promise<void> {
    for (const part of partsOf(record)) await this.#completePart(record, part, control);
    await this.look();
  }

  async #completePart(record: LvRecord, part: LvName, { signal, progress }: JobControl): Promise<void> {
    const { lvm, interval = 2000 } = this.#options;
    const { group } = record;
    const before = await this.#read(group, part);
    if (!before || !isIncomplete(before)) return;
    if (meansLostCopy(before.health)) await this.#begin(record, before, signal);
    for (;;) {
      const mirror = await readMirror(lvm, group, part);
      if (mirror?.action !== 'recover') break;
      progress(mirror.done);
      await sleep(interval, undefined, { signal });
    }
    const { health } = (await this.#read(group, part)) ?? { health: '' };
    if (!meansLostCopy(health)) return;
    throw new Failure('unavailable', `${group}/${part} still lacks a copy: LVM reports "${health}"`);
  }

  /** Lets the kernel begin to make the copy. */
  async #begin(record: LvRecord, copies: Copies, signal: AbortSignal): Promise<void> {
    const { writer, rate } = this.#options;
    const { group, lv } = copies;
    const why = this.#whyWait(group, [copies]);
    if (why !== undefined) throw new Failure('busy', why);
    const what = `the lost copy of ${group}/${lv} could not be made`;
    await writer.exclusive(group, signal, async () => {
      // LVM limits the rate for a thin pool's data, but not for its metadata, which is small.
      if (!lv.endsWith('_tmeta')) await writer.change(what, limitRepair(group, lv, rate / KiB));
      if (copies.health === 'partial') return writer.slowChange(what, replaceCopies(group, lv));
      // LVM refreshes the parts of an active thin pool only.
      if (record.isThinPool) await writer.slowChange(what, activateVolume(group, record.lv));
      await writer.slowChange(what, refreshVolume(group, record.lv));
    });
  }

  #whyWait(group: VgName, lacking: readonly Copies[]): string | undefined {
    const { cache, missing } = this.#options;
    const partial = lacking.filter(({ health }) => health === 'partial');
    if (partial.length === 0) return undefined;
    if (missing.mayReturn(group)) return 'a disk is missing, and is expected back until jobs.repairAfter is over';
    const { devices, groups } = cache.report();
    const extent = groups.find((vg) => vg.group === group)?.extentSize ?? 0n;
    const usable = devices.filter((device) => device.group === group && device.allocatable);
    const lacks = partial.some((copies) => {
      const places = usable.filter(
        ({ device, free }) => !copies.devices.has(device) && free >= copies.copySize + extent,
      );
      return places.length < copies.lost;
    });
    return lacks ? `a disk is missing, and no other disk of ${group} has room for the copy: add a disk` : undefined;
  }

  async #read(group: VgName, part: LvName): Promise<Copies | undefined> {
    const { copies } = await readParts(this.#options.lvm, group);
    return copies.find(({ lv }) => lv === part);
  }
}

/** The logical volumes that have the copies. */
export function partsOf({ lv, isThinPool }: LvRecord): LvName[] {
  return isThinPool ? [`${lv}_tmeta` as LvName, `${lv}_tdata` as LvName] : [lv];
}

function isIncomplete({ health, action }: Copies): boolean {
  return meansLostCopy(health) || action === 'recover';
}
