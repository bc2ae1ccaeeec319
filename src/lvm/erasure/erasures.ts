import { type Bytes, smallest } from '../../domain/bytes.ts';
import { luksHeader } from '../../domain/encryption.ts';
import { Failure } from '../../domain/errors.ts';
import type { Job, JobControl, JobSource } from '../../domain/jobs.ts';
import type { Log } from '../../log.ts';
import { activateInPool } from '../activation.ts';
import { allowWrites, deactivateVolumes, lvchangeTags, removeVolume, splitSnapshot } from '../arguments.ts';
import type { InventoryCache } from '../cache.ts';
import { copyContent, nothingWritten } from '../copies/copy-content.ts';
import type { CopyRange } from '../copies/copy-range.ts';
import { devicePath } from '../names.ts';
import type { Lvm } from '../process/lvm.ts';
import type { LvRecord } from '../records.ts';
import type { Writer } from '../writer.ts';
import { type Erasing, progressTags, remainingTags } from './erasing.ts';
import type { KeyDestruction } from './key-destruction.ts';

/** How logical volumes are erased. */
export interface ErasingPace {
  readonly zero: CopyRange;
  readonly discard: CopyRange;
  readonly keys: KeyDestruction;
  /** Bytes per second of each logical volume, at most. */
  readonly rate: Bytes;
  readonly log: Log;
  /** Milliseconds between two records of the progress. */
  readonly record?: number;
}

export interface ErasuresOptions {
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
  readonly writer: Writer;
  readonly erasing: ErasingPace;
}

type Remains = LvRecord & { readonly erasing: Erasing };

/**
 * Erases and removes what `retire` has renamed. The name says what is to be done, and the tag `erased` how many bytes are done: after a crash the work goes on
 * there. Its space counts as used until it is removed.
 */
export class Erasures implements JobSource {
  readonly kind = 'erase';
  readonly #options: ErasuresOptions;

  constructor(options: ErasuresOptions) {
    this.#options = options;
  }

  readonly find = (): Job[] => {
    const { cache } = this.#options;
    if (!cache.reported) return [];
    return cache.specs.flatMap(({ group, name }) =>
      this.#all()
        .filter((one) => one.group === group)
        .map((one) => this.#job(one, name)),
    );
  };

  #job(remains: Remains, pool: string): Job {
    const { group, lv, uuid, size, erasing } = remains;
    const run = (control: JobControl): Promise<void> => this.#erase(remains, control);
    return { key: uuid, lane: group, pool, volume: erasing.of, lv: `${group}/${lv}`, size, run };
  }

  async #erase(found: Remains, { signal, progress }: JobControl): Promise<void> {
    const { erasing, writer } = this.#options;
    const { group, uuid } = found;
    const { lv, size, erasing: begun } = await writer.exclusive(group, signal, () => this.#begin(uuid));
    let { tags } = begun;
    const record = async (done: Bytes): Promise<void> => {
      const change = progressTags({ tags }, done);
      await writer.retag(`how much of ${group}/${lv} is erased could not be recorded`, found, change, signal);
      tags = String(change.add);
    };
    const to = devicePath(group, lv);
    const range = begun.erasure === 'discard' ? erasing.discard : erasing.zero;
    const pace = { range, rate: erasing.rate, record, recordEvery: erasing.record ?? 2000, progress };
    const overwrite = async (bytes: Bytes): Promise<void> =>
      copyContent({ to, size: bytes, sparse: false, map: nothingWritten, copied: begun.done }, pace, signal);
    await (begun.erasure === 'cryptographic'
      ? this.#destroyKeys(to, smallest(size, luksHeader), overwrite, signal)
      : overwrite(size));
    await writer.exclusive(group, signal, () => this.#finish(uuid));
  }

  /** First the keys, which cryptsetup overwrites on the disk itself: a disk may answer zeros and keep what was there. */
  async #destroyKeys(
    device: string,
    header: Bytes,
    overwrite: (bytes: Bytes) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { keys } = this.#options.erasing;
    await keys.destroy(device);
    await overwrite(header);
    await keys.verify(device, header, signal);
  }

  /** Makes an active logical volume of it that is nothing else. */
  async #begin(uuid: string): Promise<Remains> {
    const { writer } = this.#options;
    const { group, lv, erasing, thickSnapshot } = await this.#shown(uuid);
    const what = `${group}/${lv}, which is to be erased, could not be made ready for it`;
    const tags = remainingTags(erasing);
    if (tags) await writer.change(what, lvchangeTags(group, lv, tags));
    if (thickSnapshot) await writer.change(what, splitSnapshot(group, lv));
    const now = await this.#shown(uuid);
    if (now.readOnly) await writer.change(what, allowWrites(group, lv));
    if (!now.active) await activateInPool(this.#options, what, { group, lv, pool: now.thinPool });
    return now;
  }

  async #finish(uuid: string): Promise<void> {
    const { cache, writer, erasing } = this.#options;
    const { group, lv, erasing: ended } = await this.#shown(uuid);
    const what = `${group}/${lv}, which is erased, could not be removed`;
    await writer.change(what, deactivateVolumes(group, [lv]));
    await writer.change(what, removeVolume(group, lv));
    erasing.log.info({ lv: `${group}/${lv}`, volume: ended.of, erasure: ended.erasure }, 'logical volume erased');
    await cache.refresh();
  }

  /** As LVM shows it now. Throws `not-found`. */
  async #shown(uuid: string): Promise<Remains> {
    await this.#options.cache.refresh();
    const found = this.#all().find((one) => one.uuid === uuid);
    if (!found) throw new Failure('not-found', 'nothing is left to erase');
    return found;
  }

  #all(): Remains[] {
    return this.#options.cache.report().volumes.filter((one): one is Remains => one.erasing !== undefined);
  }
}
