import { setTimeout as sleep } from 'node:timers/promises';
import { type Bytes, KiB, largest, MiB } from '../domain/bytes.ts';
import { Failure, isFailure, messageOf } from '../domain/errors.ts';
import type { LvName, VgName } from '../domain/ids.ts';
import type { Log } from '../log.ts';
import { limitRepair, repairMirror } from './arguments.ts';
import type { BootMarks } from './boot-marks.ts';
import type { InventoryCache } from './cache.ts';
import type { Lvm } from './lvm.ts';
import { type Mirror, readMirror } from './mirror.ts';
import type { LvRecord } from './records.ts';
import type { Writer } from './writer.ts';

export interface MirrorRepairOptions {
  readonly lvm: Lvm;
  readonly writer: Writer;
  readonly marks: BootMarks;
  readonly cache: InventoryCache;
  readonly log: Log;
  /** The most bytes a second of each copy. */
  readonly rate: Bytes;
  /** Milliseconds between two looks at a repair; for tests. */
  readonly interval?: number;
}

/** A volume, or a thin pool, whose copies may differ. */
export interface UncleanMirror {
  readonly pool: string;
  /** The volume's id; absent: the pool's thin pool, and with it all its thin volumes. */
  readonly volume: string | undefined;
  readonly lv: string;
  readonly size: Bytes;
  readonly state: 'waiting' | 'repairing' | 'failed';
  /** 0 to 1. */
  readonly done: number;
  readonly reason: string | undefined;
}

type Progress = Pick<UncleanMirror, 'state' | 'done' | 'reason'>;
const waiting: Progress = { state: 'waiting', done: 0, reason: undefined };

/**
 * Makes copies equal that a power cut may have left different: which of them is read would decide what a database sees. In the
 * background, one logical volume of a group after the other, while the volumes are used.
 */
export class MirrorRepair {
  readonly #options: MirrorRepairOptions;
  readonly #stopped = new AbortController();
  /** By UUID. */
  readonly #progress = new Map<string, Progress>();

  constructor(options: MirrorRepairOptions) {
    this.#options = options;
  }

  /** What must not be called healthy. */
  list(): UncleanMirror[] {
    return this.#options.marks.unclean().map((record) => this.#describe(record));
  }

  /** Ends when all that could be repaired is. */
  async run(): Promise<void> {
    const groups = Map.groupBy(this.#options.marks.unclean(), ({ group }) => group);
    await Promise.all(groups.values().map((records) => this.#repairGroup(records)));
  }

  /** The kernel goes on with a repair in flight; the next process waits for its end. */
  stop(): void {
    this.#stopped.abort();
  }

  #describe({ group, lv, uuid, size, tags, isThinPool }: LvRecord): UncleanMirror {
    const pool = this.#options.cache.specs.find((spec) => spec.group === group)?.name ?? '';
    const volume = isThinPool ? undefined : tags.get('id');
    return { pool, volume, lv: `${group}/${lv}`, size, ...(this.#progress.get(uuid) ?? waiting) };
  }

  async #repairGroup(records: readonly LvRecord[]): Promise<void> {
    for (const record of records) {
      if (this.#stopped.signal.aborted) return;
      await this.#repairOne(record);
    }
  }

  async #repairOne(record: LvRecord): Promise<void> {
    const { log, marks } = this.#options;
    const { group, lv, uuid, isThinPool } = record;
    const name = `${group}/${lv}`;
    try {
      const parts = isThinPool ? [`${lv}_tmeta`, `${lv}_tdata`] : [lv];
      for (const part of parts) await this.#repairPart(record, part as LvName);
      await marks.verified(record);
      this.#progress.delete(uuid);
      log.info({ lv: name }, 'copies made equal after an unclean stop');
    } catch (error) {
      if (this.#stopped.signal.aborted || isFailure(error, 'not-found')) return void this.#progress.delete(uuid);
      const reason = messageOf(error);
      const state = isFailure(error, 'busy') ? 'waiting' : 'failed';
      const news = this.#progress.get(uuid)?.reason !== reason;
      this.#progress.set(uuid, { state, done: 0, reason });
      if (state === 'failed' && news)
        log.error({ lv: name, reason }, 'copies could not be made equal after an unclean stop');
    }
  }

  async #repairPart({ group, uuid }: LvRecord, lv: LvName): Promise<void> {
    const { lvm, interval = 2000 } = this.#options;
    for (;;) {
      let mirror = await this.#begin(group, lv);
      if (!mirror) return;
      let last = { ...mirror, done: 0, at: performance.now() };
      const { size } = mirror;
      do {
        this.#progress.set(uuid, { state: 'repairing', done: mirror.done, reason: undefined });
        await sleep(interval, undefined, { signal: this.#stopped.signal });
        last = mirror.action === 'repair' ? { ...mirror, at: performance.now() } : last;
        mirror = await readMirror(lvm, group, lv);
        if (!mirror) return;
      } while (mirror.action === 'repair');
      if (mirror.action === 'idle' && mirror.size === size && this.#mayHaveEnded(last)) return;
    }
  }

  /** Only what is idle can be told to repair. A repair that runs already is one of this boot: it began at the first byte. */
  async #begin(group: VgName, lv: LvName): Promise<Mirror | undefined> {
    const { lvm, writer } = this.#options;
    const rate = this.#options.rate / KiB;
    const what = `the copies of ${group}/${lv} could not be compared`;
    return writer.exclusive(group, this.#stopped.signal, async () => {
      const mirror = await readMirror(lvm, group, lv);
      if (!mirror || mirror.action === 'repair') return mirror;
      if (mirror.action === '') throw new Failure('busy', `${group}/${lv} is not active`);
      if (mirror.action !== 'idle')
        throw new Failure('busy', `${group}/${lv} is busy with ${mirror.action}: its copies are compared afterwards`);
      // LVM limits the data of a thin pool, and not its metadata, which is small.
      if (mirror.rate !== rate && !lv.endsWith('_tmeta')) await writer.change(what, limitRepair(group, lv, rate));
      await writer.change(what, repairMirror(group, lv));
      return { ...mirror, action: 'repair', done: 0 };
    });
  }

  /**
   * The kernel does not tell a repair that ended from one that was stopped, such as by a new activation. One that was far from its end
   * just before, by the rate that it has, was stopped.
   */
  #mayHaveEnded({ done, size, at }: Mirror & { at: number }): boolean {
    const left = Number(size) * (1 - done);
    const seconds = (performance.now() - at) / 1000;
    return left <= 2 * Number(largest(this.#options.rate, 64n * MiB)) * (seconds + 1);
  }
}
