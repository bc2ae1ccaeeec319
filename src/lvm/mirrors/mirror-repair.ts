import { setTimeout as sleep } from 'node:timers/promises';
import { type Bytes, KiB, largest, MiB } from '../../domain/bytes.ts';
import { Failure } from '../../domain/errors.ts';
import type { LvName, VgName, VolumeId } from '../../domain/ids.ts';
import type { Job, JobControl, JobSource } from '../../domain/jobs.ts';
import type { Log } from '../../log.ts';
import { limitRepair, repairMirror } from './mirror-arguments.ts';
import type { BootMarks } from '../boot-marks.ts';
import type { InventoryCache } from '../cache.ts';
import { type LostCopies, partsOf } from './lost-copies.ts';
import type { Lvm } from '../process/lvm.ts';
import { type Mirror, readMirror } from './mirror.ts';
import type { LvRecord } from '../records.ts';
import type { Writer } from '../writer.ts';

export interface MirrorRepairOptions {
  readonly lvm: Lvm;
  readonly writer: Writer;
  readonly marks: BootMarks;
  readonly lost: LostCopies;
  readonly cache: InventoryCache;
  readonly log: Log;
  /** Bytes per second for each copy, at most. */
  readonly rate: Bytes;
  /** Milliseconds between two checks of a repair's progress; for tests. */
  readonly interval?: number;
}

/**
 * Makes mirrors complete that lost a copy with its disk, and makes copies equal after a power cut that may have left them different: else a database's
 * data would depend on the copy that is read. Repairs one logical volume of a group at a time, while the volumes are in use.
 */
export class MirrorRepair implements JobSource {
  readonly kind = 'repair';
  readonly #options: MirrorRepairOptions;

  constructor(options: MirrorRepairOptions) {
    this.#options = options;
  }

  /** The logical volumes that lack a copy, or whose copies may differ. */
  readonly find = (): Job[] => {
    const { cache, marks, lost } = this.#options;
    if (!cache.reported) return [];
    const incomplete = lost.incomplete();
    const others = marks.unclean().filter((record) => incomplete.every((one) => one.record !== record));
    const all = [...incomplete, ...others.map((record) => ({ record, waits: undefined }))];
    return all.map(({ record, waits }) => {
      const { group, lv, uuid, size, tags, isThinPool } = record;
      const pool = cache.specs.find((spec) => spec.group === group)?.name ?? '';
      const volume = isThinPool ? undefined : (tags.get('id') as VolumeId | undefined);
      const run = (control: JobControl): Promise<void> => this.#repair(record, control);
      return { key: uuid, lane: group, pool, volume, lv: `${group}/${lv}`, size, waits, run };
    });
  };

  /** When the driver stops, the kernel continues the repair, and the next process waits for its end. */
  async #repair(record: LvRecord, control: JobControl): Promise<void> {
    const { log, marks, lost } = this.#options;
    const { group, lv, uuid } = record;
    if (lost.incomplete().some((one) => one.record.uuid === uuid)) {
      await lost.complete(record, control);
      log.info({ lv: `${group}/${lv}` }, 'mirror complete again');
    }
    if (!marks.unclean().some((one) => one.uuid === uuid)) return;
    for (const part of partsOf(record)) await this.#repairPart(group, part, control);
    await marks.verified(record);
    log.info({ lv: `${group}/${lv}` }, 'copies made equal after an unclean stop');
  }

  async #repairPart(group: VgName, lv: LvName, { signal, progress }: JobControl): Promise<void> {
    const { lvm, interval = 2000 } = this.#options;
    for (;;) {
      let mirror = await this.#begin(group, lv, signal);
      if (!mirror) return;
      let last = { ...mirror, done: 0, at: performance.now() };
      const { size } = mirror;
      do {
        progress(mirror.done);
        await sleep(interval, undefined, { signal });
        last = mirror.action === 'repair' ? { ...mirror, at: performance.now() } : last;
        mirror = await readMirror(lvm, group, lv);
        if (!mirror) return;
        refuseLostCopy(group, lv, mirror);
      } while (mirror.action === 'repair');
      if (mirror.action === 'idle' && mirror.size === size && this.#mayHaveEnded(last)) return;
    }
  }

  /** Starts a repair if the mirror is idle. A repair that already runs was started in this boot, at the first byte. */
  async #begin(group: VgName, lv: LvName, signal: AbortSignal): Promise<Mirror | undefined> {
    const { lvm, writer } = this.#options;
    const rate = this.#options.rate / KiB;
    const what = `the copies of ${group}/${lv} could not be compared`;
    return writer.exclusive(group, signal, async () => {
      const mirror = await readMirror(lvm, group, lv);
      if (!mirror || mirror.action === 'repair') return mirror;
      refuseLostCopy(group, lv, mirror);
      if (mirror.action === '') throw new Failure('busy', `${group}/${lv} is not active`);
      if (mirror.action !== 'idle')
        throw new Failure(
          'busy',
          `${group}/${lv} is busy with ${mirror.action}: its copies will be compared afterwards`,
        );
      // LVM limits the rate for a thin pool's data, but not for its metadata, which is small.
      if (mirror.rate !== rate && !lv.endsWith('_tmeta')) await writer.change(what, limitRepair(group, lv, rate));
      await writer.change(what, repairMirror(group, lv));
      return { ...mirror, action: 'repair', done: 0 };
    });
  }

  /**
   * The kernel reports a finished repair and a stopped one (for example by a new activation) alike. If at its rate the repair could not
   * have finished since the last check, it was stopped.
   */
  #mayHaveEnded({ done, size, at }: Mirror & { at: number }): boolean {
    const left = Number(size) * (1 - done);
    const seconds = (performance.now() - at) / 1000;
    return left <= 2 * Number(largest(this.#options.rate, 64n * MiB)) * (seconds + 1);
  }
}

/** The kernel ends the repair of a mirror that lacks a copy at once. Another attempt makes the copy first. */
function refuseLostCopy(group: VgName, lv: LvName, { lacksCopy }: Mirror): void {
  if (lacksCopy)
    throw new Failure('busy', `${group}/${lv} lacks a copy: its copies will be compared when it is complete`);
}
