import { setTimeout as sleep } from 'node:timers/promises';
import { type Bytes, largest } from '../../domain/bytes.ts';
import { Failure } from '../../domain/errors.ts';
import type { Job, JobControl, JobSource } from '../../domain/jobs.ts';
import { linkedDevice } from '../process/system.ts';
import type { PvRecord } from '../records.ts';
import { type DiskRemoval, isMember, type Member } from '../disk-removal.ts';
import type { LeavingDisks } from './leaving-disks.ts';
import { awaited } from './leaving-tag.ts';
import { Moves, type MovesOptions } from './moves.ts';
import { beginningOf, type Move } from './placement.ts';

export interface EvacuationOptions extends MovesOptions {
  readonly leaving: LeavingDisks;
  readonly removal: Pick<DiskRemoval, 'remove'>;
}

/** Seconds that a piece takes at the full rate. Creations and removals in the group wait for a piece. */
const secondsPerPiece = 2n;

/** Moves everything from the disks that leave, piece by piece, while the volumes are in use. All it knows is in LVM's metadata. */
export class Evacuation implements JobSource {
  readonly kind = 'evacuation';
  readonly #options: EvacuationOptions;
  readonly #moves: Moves;

  constructor(options: EvacuationOptions) {
    this.#options = options;
    this.#moves = new Moves(options);
  }

  readonly find = (): Job[] => {
    const { cache } = this.#options;
    if (!cache.reported) return [];
    return cache.report().devices.flatMap((record): Job[] => {
      const { device, leaving, uuid: key, size, free } = record;
      const pool = cache.specs.find(({ group }) => group === record.group)?.name;
      if (pool === undefined || !isMember(record) || !leaving || record.missing) return [];
      if (size === free && !leaving.removed) return [];
      const run = (control: JobControl): Promise<void> => this.#run(record, control);
      const waits = this.#whyWait(record);
      const lv = linkedDevice(device);
      return [{ key, lane: record.group, pool, volume: undefined, lv, size: leaving.used, waits, run }];
    });
  };

  #whyWait(record: Member): string | undefined {
    const { group, device, leaving } = record;
    if (leaving?.erase?.begun && this.#options.leaving.erasure.on(record)) return 'it is erased before it leaves';
    if (leaving?.replacement === awaited)
      return `the new disk is not in ${group} yet: repeat "quarry disks replace ${linkedDevice(device)} NEW", or end it with "quarry disks evacuate ${linkedDevice(device)} --cancel"`;
    const lacks = this.#options.cache.report().groups.some((vg) => vg.group === group && vg.missingDevices > 0);
    return lacks
      ? `another disk of ${group} is missing: LVM moves nothing until it is back or out of the group`
      : undefined;
  }

  async #run(record: Member, { signal, progress }: JobControl): Promise<void> {
    const { cache, removal, rate, log } = this.#options;
    for (;;) {
      const begun = performance.now();
      const now = this.#leaving(record);
      progress(doneOf(now));
      const moved = await this.#movePiece(now, signal);
      await cache.refresh();
      if (moved === 0n) break;
      const due = (Number(moved) / Number(rate)) * 1000 - (performance.now() - begun);
      if (due > 0) await sleep(due, undefined, { signal });
    }
    const device = linkedDevice(record.device);
    log.info({ device, group: record.group }, 'nothing is left on the disk');
    if (!this.#leaving(record).leaving?.removed) return;
    if (await this.#erases(record, signal)) return;
    await removal.remove(record.uuid, false, signal);
    log.info({ device, group: record.group }, 'the disk has left its group');
  }

  /** Whether the disk has to stay until it is erased. */
  async #erases(record: Member, signal: AbortSignal): Promise<boolean> {
    const { writer, cache, leaving } = this.#options;
    const stays = await writer.exclusive(record.group, signal, async () => {
      await cache.refresh();
      return leaving.erasure.begin(this.#leaving(record));
    });
    await cache.refresh();
    return stays;
  }

  /** The disk in the last report. Throws `not-found` if it leaves no longer. */
  #leaving({ uuid, device }: Member): Member {
    const now = this.#options.cache.report().devices.find((one) => one.uuid === uuid);
    if (now?.leaving && isMember(now) && !now.missing) return now;
    throw new Failure('not-found', `${linkedDevice(device)} does not leave its group any longer`);
  }

  /** Returns the bytes that moved; 0: nothing is on the disk. */
  #movePiece(record: Member, signal: AbortSignal): Promise<Bytes> {
    const { writer, rate, cache } = this.#options;
    return writer.exclusive(record.group, signal, async () => {
      if (await this.#moves.find(record)) {
        await this.#moves.resume(record, signal);
        return rate;
      }
      // While it waited for its turn, an administrator may have decided to keep the disk.
      await cache.refresh();
      const before = this.#leaving(record);
      const { piece, extentSize } = await this.#next(before);
      if (piece === undefined) return 0n;
      await this.#moves.move(before, piece, signal);
      await cache.refresh();
      const left = cache.report().devices.find(({ uuid }) => uuid === record.uuid)?.free ?? 0n;
      if (left > before.free) return BigInt(piece.extents) * extentSize;
      throw new Failure('unavailable', `LVM did not move ${record.group}/${piece.lv}`);
    });
  }

  /** `undefined`: nothing is on the disk. Throws `exhausted`. */
  async #next(record: Member): Promise<{ piece: Move | undefined; extentSize: Bytes }> {
    const { leaving, rate } = this.#options;
    const { plan, extentSize } = await leaving.plan(record);
    const [first] = plan.moves;
    if (!first && plan.lacking.size > 0) throw leaving.lacksRoom(record, plan, extentSize);
    const most = Number(largest((rate * secondsPerPiece) / extentSize, 1n));
    return { piece: first && beginningOf(first, most), extentSize };
  }
}

function doneOf({ size, free, leaving }: PvRecord): number {
  const used = Number(leaving?.used ?? 0n);
  return used === 0 ? 0 : Math.max(0, 1 - Number(size - free) / used);
}
