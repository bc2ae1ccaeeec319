import { createEndings } from '../../concurrency/endings.ts';
import { type Bytes, largest } from '../../domain/bytes.ts';
import { Failure } from '../../domain/errors.ts';
import type { VolumeId } from '../../domain/ids.ts';
import type { Job, JobControl, JobSource } from '../../domain/jobs.ts';
import type { VolumeLocks } from '../../domain/storage.ts';
import { copyingOf, type Volume } from '../../domain/volume.ts';
import { isZeroed } from '../../domain/zeroing.ts';
import type { Log } from '../../log.ts';
import type { Activation } from '../activation.ts';
import { activateVolume, lvchangeTags } from '../arguments.ts';
import type { InventoryCache } from '../cache.ts';
import type { Admission } from '../admission.ts';
import type { ThinMetadata } from '../blocks/thin-metadata.ts';
import { type CopiedLv, copyContent, nothingWritten, writtenMapOf } from './copy-content.ts';
import type { CopyRange } from './copy-range.ts';
import { copySourceIn } from './copy-source.ts';
import { CopySources } from './copy-sources.ts';
import type { Devices } from '../devices.ts';
import { retire } from '../erasure/retirement.ts';
import { devicePath } from '../names.ts';
import type { LvRecord } from '../records.ts';
import { tag } from '../tags.ts';
import type { Writer } from '../writer.ts';

/** How volumes are copied. */
export interface Copying {
  readonly range: CopyRange;
  /** Bytes per second of each copy, at most. */
  readonly rate: Bytes;
  readonly log: Log;
  /** Milliseconds that a call waits for the end of a copy; shorter than the deadline of the provisioner. */
  readonly wait?: number;
  /** Milliseconds between two records of the progress. */
  readonly record?: number;
}

export interface CopiesOptions {
  readonly cache: InventoryCache;
  readonly writer: Writer;
  readonly devices: Devices;
  readonly locks: VolumeLocks;
  readonly activation: Activation;
  readonly admission: Admission;
  readonly thinMetadata: ThinMetadata;
  readonly copying: Copying;
}

/** A copy as LVM shows it. */
interface Begun {
  /** `undefined`: none, so it is written with zeros. */
  readonly source: CopiedLv | undefined;
  /** The bytes that are on its disks. */
  readonly copied: Bytes;
  /** The tag that says so. */
  readonly progress: string | undefined;
}

/** A copy that runs in this process. */
interface Running {
  readonly cancel: AbortController;
  readonly end: Promise<void>;
}

/**
 * Fills volumes with the content of snapshots and volumes that they cannot share blocks with. Such a volume has the tag `state=copying` until its content is
 * whole, and `copied`, the bytes that are on its disks: after a crash the copy goes on there. It is copied from a snapshot of its own, which is removed
 * at the end, or from the thick snapshot that it is made from. One without a source, in a pool with `zeroOnCreate`, is written with zeros.
 */
export class Copies implements JobSource {
  readonly kind = 'copy';
  readonly sources: CopySources;
  readonly #options: CopiesOptions;
  readonly #running = new Map<VolumeId, Running>();
  readonly #done = new Map<VolumeId, number>();
  readonly #endings = createEndings();
  #start: () => void = () => undefined;

  constructor(options: CopiesOptions) {
    this.#options = options;
    this.sources = new CopySources({ ...options, log: options.copying.log });
  }

  /** @param start starts the jobs that are found */
  startWith(start: () => void): void {
    this.#start = start;
  }

  readonly find = (): Job[] => {
    const { cache, locks } = this.#options;
    if (!cache.reported) return [];
    const volumes = [...cache.current().volumes.values()];
    const copies = volumes.filter(({ id, state }) => state === 'copying' && locks.holder(id) === undefined);
    return [...copies.map((volume) => this.#job(volume)), ...this.sources.left()];
  };

  #job(volume: Volume): Job {
    const { id, group, lv, pool, size, created } = volume;
    const run = (control: JobControl): Promise<void> => this.#copy(volume, control);
    return { key: id, lane: group, pool, volume: id, lv: `${group}/${lv}`, size, since: created, run };
  }

  /** The volume once it is whole. Throws `busy` with the progress if that takes too long, or the copy was given up. */
  async settled(begun: Volume, signal: AbortSignal): Promise<Volume> {
    const { id } = begun;
    const { cache, copying } = this.#options;
    this.#start();
    const whole = (): Volume | undefined => {
      const volume = cache.current().volumes.get(id);
      if (!volume) throw new Failure('busy', `volume ${id} could not be ${copyingOf(begun)}: try again`);
      return volume.state === 'ready' ? volume : undefined;
    };
    const volume = await this.#endings.waitFor(whole, copying.wait ?? 5000, signal);
    if (volume) return volume;
    const percent = Math.floor(100 * (this.#done.get(id) ?? 0));
    throw new Failure('busy', `volume ${id} is being ${copyingOf(begun)} (${percent} %): try again`);
  }

  /** Ends the copy to a volume that is to be removed. */
  async cancel(id: VolumeId): Promise<void> {
    const running = this.#running.get(id);
    running?.cancel.abort();
    await running?.end;
  }

  async #copy(volume: Volume, { signal, progress }: JobControl): Promise<void> {
    const cancel = new AbortController();
    const { promise: end, resolve } = Promise.withResolvers<void>();
    this.#running.set(volume.id, { cancel, end });
    const report = (done: number): void => {
      this.#done.set(volume.id, done);
      progress(done);
    };
    try {
      await this.#copyAll(volume, AbortSignal.any([signal, cancel.signal]), report);
    } catch (error) {
      if (!cancel.signal.aborted) throw error;
    } finally {
      this.#running.delete(volume.id);
      this.#done.delete(volume.id);
      this.#endings.announce();
      resolve();
    }
  }

  async #copyAll(volume: Volume, signal: AbortSignal, progress: (done: number) => void): Promise<void> {
    const { copying } = this.#options;
    const { source, copied } = await this.#begin(volume, signal);
    let recorded = copied;
    const record = async (now: Bytes): Promise<void> => {
      await this.#record(volume, recorded, now, signal);
      recorded = now;
    };
    const pace = { ...copying, record, recordEvery: copying.record ?? 2000, progress };
    for (const content of await this.#contents(volume, source, signal)) {
      await copyContent({ ...content, copied: largest(copied, content.start) }, pace, signal);
    }
    await this.#finish(volume, signal);
  }

  /** The parts of the volume, in order: what its source has, and zeros after it. */
  async #contents(volume: Volume, source: CopiedLv | undefined, signal: AbortSignal) {
    const { cache, thinMetadata } = this.#options;
    const target = { to: devicePath(volume.group, volume.lv), sparse: volume.layout.type === 'thin' };
    const spec = cache.specs.find(({ name }) => name === volume.pool);
    const zeros = { ...target, start: source?.size ?? 0n, size: volume.size, map: nothingWritten };
    if (!source) return [zeros];
    const map = await writtenMapOf(source, thinMetadata, signal);
    const from = devicePath(source.group, source.lv);
    const copy = { ...target, from, start: 0n, size: source.size, map };
    return spec && isZeroed(spec, volume) ? [copy, zeros] : [copy];
  }

  /** Proves that the source is there, and activates it and the volume. */
  async #begin(volume: Volume, signal: AbortSignal): Promise<Begun> {
    const { activation, devices, writer } = this.#options;
    const begun = await writer.exclusive(volume.group, signal, async () => {
      const proven = await this.#proven(volume);
      const isActive = await devices.exists(devicePath(volume.group, volume.lv));
      if (!('lost' in proven) && !isActive) await activation.activate(volume);
      return proven;
    });
    if ('lost' in begun) return this.#giveUp(volume, begun.lost);
    if (!begun.source) return begun;
    const { group, lv } = begun.source;
    await writer.exclusive(group, signal, async () => {
      if (await devices.exists(devicePath(group, lv))) return;
      const what = `${group}/${lv}, which volume ${volume.id} is copied from, could not be activated`;
      await writer.slowChange(what, activateVolume(group, lv));
    });
    return begun;
  }

  /** Both as LVM shows them now; `lost`: why no content comes from the source any more, and the copy is removed. */
  async #proven(volume: Volume): Promise<Begun | { readonly lost: string }> {
    const { cache } = this.#options;
    await cache.refresh();
    const ours = (one: LvRecord) => one.group === volume.group && one.lv === volume.lv;
    const record = cache.report().volumes.find((one) => ours(one) && one.tags.get('id') === volume.id);
    if (record?.tags.get('state') !== 'copying')
      throw new Failure('not-found', `volume ${volume.id} is no copy any more`);
    const progress = record.tags.get('copied');
    const at = { progress, copied: BigInt(progress ?? '0') };
    if (!record.tags.has('source')) return { source: undefined, ...at };
    const groups = cache.specs.map(({ group }) => group);
    const source = copySourceIn(cache.report(), groups, volume);
    const size = source?.thickSnapshot?.originSize ?? source?.size;
    if (source && size !== undefined && !source.thickSnapshot?.overfull) return { source: { ...source, size }, ...at };
    // No caller has heard of it.
    const what = `the copy ${volume.id} could not be removed`;
    await retire(this.#options, what, record);
    cache.drop(volume.id);
    return { lost: source ? 'the snapshot that it is copied from is overfull' : 'its source is gone' };
  }

  async #giveUp(volume: Volume, reason: string): Promise<never> {
    await this.sources.remove(volume.id);
    this.#options.copying.log.error({ volume: volume.id, reason }, 'a copy was given up');
    throw new Failure('not-found', `volume ${volume.id} was given up: ${reason}`);
  }

  /** All data before this was flushed. */
  async #record(volume: Volume, before: Bytes, copied: Bytes, signal: AbortSignal): Promise<void> {
    const remove = tag('copied', String(before));
    const what = `the progress of the copy ${volume.id} could not be recorded`;
    await this.#options.writer.retag(what, volume, { remove, add: tag('copied', String(copied)) }, signal);
  }

  /** An overfull snapshot may have given wrong data, so it is looked at again after the last byte. */
  async #finish(volume: Volume, signal: AbortSignal): Promise<void> {
    const { cache, writer, copying } = this.#options;
    const proven = await writer.exclusive(volume.group, signal, async () => {
      const now = await this.#proven(volume);
      if ('lost' in now) return now;
      const remove = [tag('state', 'copying'), ...(now.progress === undefined ? [] : [tag('copied', now.progress)])];
      const what = `volume ${volume.id} could not be marked as whole`;
      await writer.change(what, lvchangeTags(volume.group, volume.lv, { remove }));
      cache.put({ ...(cache.current().volumes.get(volume.id) ?? volume), state: 'ready' });
      return now;
    });
    if ('lost' in proven) return this.#giveUp(volume, proven.lost);
    const { id, source } = volume;
    copying.log.info({ volume: id }, source ? 'volume copied from its source' : 'volume written with zeros');
    await this.sources.remove(volume.id);
  }
}
