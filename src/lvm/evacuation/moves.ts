import { setTimeout as sleep } from 'node:timers/promises';
import { type Bytes, KiB } from '../../domain/bytes.ts';
import { Failure } from '../../domain/errors.ts';
import type { Log } from '../../log.ts';
import type { InventoryCache } from '../cache.ts';
import type { Devices } from '../devices.ts';
import type { Member } from '../disk-removal.ts';
import { limitRepair } from '../mirrors/mirror-arguments.ts';
import { readMirror } from '../mirrors/mirror.ts';
import type { Lvm, LvmArguments } from '../process/lvm.ts';
import { linkedDevice } from '../process/system.ts';
import type { Writer } from '../writer.ts';
import { beginMove, endMove, replaceCopy, resumeMove } from './commands.ts';
import type { Move } from './placement.ts';
import { type Moving, readMoving } from './segments.ts';

export interface MovesOptions {
  readonly lvm: Lvm;
  readonly writer: Writer;
  readonly cache: InventoryCache;
  readonly devices: Pick<Devices, 'flush'>;
  /** Ends processes of an earlier driver that wait for a move from the disk; returns how many there were. */
  readonly endLeftProcesses: (device: string) => Promise<number>;
  readonly log: Log;
  /** Bytes per second, at most, of the copies of mirrors. */
  readonly rate: Bytes;
  /** Milliseconds between two checks of a move's progress; for tests. */
  readonly interval?: number;
  /** Milliseconds without progress after which a move has failed; for tests. */
  readonly stalledAfter?: number;
}

/** Moves parts of logical volumes to another disk. Call it within the group's turn. */
export class Moves {
  readonly #options: Required<MovesOptions>;

  constructor(options: MovesOptions) {
    this.#options = { interval: 200, stalledAfter: 600_000, ...options };
  }

  /** Returns when the extents are on the new disk only. Throws `unavailable`, and `cancelled`: the move is cut off, and `resume` continues it. */
  async move(record: Member, move: Move, signal: AbortSignal): Promise<void> {
    if (move.mirror) return this.#replaceCopy(record, move);
    return this.#complete(record, beginMove(record.device, move), signal);
  }

  /** Continues a move that was cut off. */
  async resume(record: Member, signal: AbortSignal): Promise<void> {
    const { endLeftProcesses, log } = this.#options;
    const processes = await endLeftProcesses(record.device);
    if (processes > 0) log.info({ device: linkedDevice(record.device), processes }, 'ended what waited for a move');
    return this.#complete(record, resumeMove(record.device), signal);
  }

  /** A move from the disk that was cut off, or still runs. */
  async find({ group, device }: Member): Promise<Moving | undefined> {
    const { lvm } = this.#options;
    const moving = (await readMoving(lvm, group)).find(({ from }) => from === device);
    // Another process has activated its devices: see `Lvm.restartReports`.
    if (moving && moving.done === undefined) lvm.restartReports();
    return moving;
  }

  /**
   * Lets the kernel make the copy on the other disk, and returns at once: the job of kind `repair` waits for it. `pvmove` of a copy would keep both
   * meanwhile, but LVM moves none in pieces, and allows no other change of the group until it has ended.
   */
  async #replaceCopy({ group, device }: Member, { lv, to }: Move): Promise<void> {
    const { lvm, writer, rate } = this.#options;
    const mirror = await readMirror(lvm, group, lv);
    if (mirror?.action !== 'idle' || mirror.lacksCopy)
      throw new Failure('busy', `the copies of ${group}/${lv} are not complete yet`);
    const what = `the copy of ${group}/${lv} could not be made on ${linkedDevice(to)}`;
    // LVM limits the rate for a thin pool's data, but not for its metadata, which is small.
    if (!lv.endsWith('_tmeta')) await writer.change(what, limitRepair(group, lv, rate / KiB));
    await writer.slowChange(what, replaceCopy(group, lv, device, to));
  }

  /**
   * Runs the move until its copy is complete, flushes the disks and then ends it. `pvmove` alone forgets the old place without a flush: a power cut
   * would lose what the new disk has in its cache only.
   */
  async #complete(record: Member, argv: LvmArguments, signal: AbortSignal): Promise<void> {
    const { writer, cache, devices } = this.#options;
    const { group, device } = record;
    const what = `${linkedDevice(device)} could not be evacuated`;
    const copied = new AbortController();
    const end = writer.slowChange(what, argv, copied.signal).then(
      () => undefined,
      (error: unknown) => error,
    );
    try {
      await this.#untilCopied(record, end, signal);
      await Promise.all(cache.devicesOf(group).map((path) => devices.flush(path)));
    } finally {
      copied.abort();
      await end;
    }
    await writer.slowChange(what, endMove(device));
  }

  /** A process whose move LVM shows has released LVM's lock, and only sleeps: it may be killed. */
  async #untilCopied(record: Member, end: Promise<unknown>, signal: AbortSignal): Promise<void> {
    const { interval, stalledAfter } = this.#options;
    let [done, since] = [-1, performance.now()];
    for (;;) {
      const ended = await Promise.race([end.then((error) => ({ error })), sleep(interval, undefined)]);
      const moving = await this.find(record);
      if (moving?.done === 1) return;
      if (ended?.error !== undefined) throw ended.error;
      if (ended && !moving) return;
      if (moving && signal.aborted) throw new Failure('cancelled', 'the next process ends the move');
      const now = performance.now();
      const copied = moving?.done ?? -1;
      if (copied > done) [done, since] = [copied, now];
      if (now - since <= stalledAfter) continue;
      const name = linkedDevice(record.device);
      throw new Failure('unavailable', `nothing was copied from ${name} for ${stalledAfter / 1000} s`);
    }
  }
}
