import type { Job } from '../../domain/jobs.ts';
import type { VolumeLocks } from '../../domain/storage.ts';
import type { Volume } from '../../domain/volume.ts';
import type { Log } from '../../log.ts';
import { removeVolume } from '../arguments.ts';
import type { InventoryCache } from '../cache.ts';
import { copiedTo } from './copy-source.ts';
import type { LvRecord } from '../records.ts';
import type { Writer } from '../writer.ts';

export interface CopySourcesOptions {
  readonly cache: InventoryCache;
  readonly writer: Writer;
  readonly locks: VolumeLocks;
  readonly log: Log;
}

/** Removes the snapshots that only copies read. */
export class CopySources {
  readonly #options: CopySourcesOptions;

  constructor(options: CopySourcesOptions) {
    this.#options = options;
  }

  /** Removes what a volume that was removed, or is whole, was copied from. Call it only within the group's turn. */
  async remove(volume: Pick<Volume, 'id' | 'group'>): Promise<void> {
    const { cache } = this.#options;
    await cache.refresh();
    for (const record of cache.report().volumes) {
      if (record.group === volume.group && copiedTo(record) === volume.id) await this.#remove(record);
    }
    await cache.refresh();
  }

  /** Jobs for those without their copy: a copy that was cut off has left them. */
  left(): Job[] {
    const { cache } = this.#options;
    return cache.specs.flatMap(({ name, group }) =>
      cache
        .report()
        .volumes.filter((record) => record.group === group && this.#isLeft(record))
        .map((record) => {
          const lv = `${group}/${record.lv}`;
          const run = (): Promise<void> => this.#clean(record);
          return { key: lv, lane: group, pool: name, volume: copiedTo(record), lv, size: record.size, run };
        }),
    );
  }

  #isLeft(record: LvRecord): boolean {
    const { cache, locks } = this.#options;
    const id = copiedTo(record);
    return id !== undefined && cache.current().volumes.get(id)?.state !== 'copying' && locks.holder(id) === undefined;
  }

  async #clean({ group, lv, uuid }: LvRecord): Promise<void> {
    const { cache, writer, log } = this.#options;
    await writer.exclusive(group, undefined, async () => {
      await cache.refresh();
      const record = cache.report().volumes.find((one) => one.uuid === uuid);
      if (!record || !this.#isLeft(record)) return;
      await this.#remove(record);
      await cache.refresh();
      log.info({ lv: `${group}/${lv}` }, 'the source of a copy that was cut off removed');
    });
  }

  async #remove({ group, lv }: LvRecord): Promise<void> {
    const what = `the source of a copy, ${group}/${lv}, could not be removed`;
    await this.#options.writer.change(what, removeVolume(group, lv));
  }
}
