import { Failure, messageOf } from '../../domain/errors.ts';
import type { Log } from '../../log.ts';
import { listThin, lvchangeTags } from '../arguments.ts';
import type { InventoryCache } from '../cache.ts';
import { lvmFailure } from '../failures.ts';
import type { Lvm } from '../process/lvm.ts';
import { tag } from '../tags.ts';
import type { Writer } from '../writer.ts';
import type { PoolDevices, ThinPoolName } from './pool-device.ts';

export interface MetadataSnapshotsOptions {
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
  readonly writer: Writer;
  readonly devices: PoolDevices;
  readonly log: Log;
}

/** The kernel's metadata snapshot of a thin pool, reserved until it is disposed of. */
export interface Reservation extends AsyncDisposable {
  /** By the UUIDs of the logical volumes that asked for it, in their order. */
  readonly thinIds: readonly number[];
}

const mark = tag('metadata-snapshot', 'reserved');

/**
 * Metadata snapshots of thin pools: the kernel has one for each pool, and keeps it on the disk until it is released. The thin pool has a tag before it
 * is reserved and until it is released, so that a start after a crash releases what is ours and leaves alone what another program reserved. Callers
 * at once share one, if it is not older than what they ask for.
 */
export class MetadataSnapshots {
  readonly #options: MetadataSnapshotsOptions;
  readonly #reserved = new Map<string, Reserved>();

  constructor(options: MetadataSnapshotsOptions) {
    this.#options = options;
  }

  /**
   * Throws `not-found` for a logical volume that is not in the thin pool, and `unavailable` if the kernel reserves none, or has one that another program
   * reserved.
   */
  async reserve(pool: ThinPoolName, uuids: readonly string[], signal: AbortSignal): Promise<Reservation> {
    const key = `${pool.group}/${pool.lv}`;
    for (;;) {
      const known = this.#reserved.get(key);
      const reserved = known ?? this.#begin(key, pool);
      if (reserved.closed) {
        await abortable(reserved.gone.promise, signal);
        continue;
      }
      reserved.users += 1;
      try {
        const ids = await abortable(reserved.ready, signal);
        const thinIds = uuids.flatMap((uuid) => ids.get(uuid) ?? []);
        if (thinIds.length === uuids.length) {
          return { thinIds, [Symbol.asyncDispose]: () => this.#leave(key, pool, reserved) };
        }
        if (!known) throw new Failure('not-found', `thin pool ${key} does not have the snapshot any more`);
      } catch (error) {
        await this.#leave(key, pool, reserved);
        throw error;
      }
      // It is older than a snapshot that is asked for. Nothing joins it from now on, so that its end comes.
      reserved.closed = true;
      await this.#leave(key, pool, reserved);
    }
  }

  /** Releases what an earlier process reserved in the pools of the last report. Failures are only logged: the next look tries again. */
  async settle(): Promise<void> {
    const { cache, log } = this.#options;
    if (!cache.reported) return;
    for (const { group, lv, tags } of cache.report().volumes) {
      const key = `${group}/${lv}`;
      if (!tags.has('metadata-snapshot') || this.#reserved.has(key)) continue;
      try {
        await this.#release({ group, lv });
        log.info({ pool: key }, 'metadata snapshot of an earlier process released');
      } catch (error) {
        log.warn({ pool: key, reason: messageOf(error) }, 'a metadata snapshot could not be released');
      }
    }
  }

  #begin(key: string, pool: ThinPoolName): Reserved {
    const reserved = new Reserved(this.#take(pool));
    this.#reserved.set(key, reserved);
    return reserved;
  }

  async #leave(key: string, pool: ThinPoolName, reserved: Reserved): Promise<void> {
    reserved.users -= 1;
    if (reserved.users > 0) return;
    reserved.closed = true;
    try {
      if (await reserved.succeeded) await this.#release(pool);
    } catch (error) {
      this.#options.log.warn({ pool: key, reason: messageOf(error) }, 'a metadata snapshot could not be released');
    } finally {
      this.#reserved.delete(key);
      reserved.gone.resolve();
    }
  }

  /** Reserves it, and returns the thin ids of the pool's volumes at that moment by their UUIDs. */
  async #take(pool: ThinPoolName): Promise<ReadonlyMap<string, number>> {
    const { lvm, writer, devices } = this.#options;
    const { group, lv } = pool;
    const what = `the metadata of thin pool ${group}/${lv} could not be reserved`;
    return writer.exclusive(group, undefined, async () => {
      const answer = await lvm.report(listThin(group));
      if (!answer.ok) throw lvmFailure(what, answer.messages);
      const marked = answer.rows
        .find((row) => row['lv_name'] === lv)
        ?.['lv_tags']?.split(',')
        .includes(mark);
      if (marked) await this.#releaseNow(pool);
      if ((await devices.status(pool)).isHeld)
        throw new Failure('unavailable', `${what}: another program has reserved it`);
      if (!marked) await writer.change(what, lvchangeTags(group, lv, { add: mark }));
      await devices.send(pool, 'reserve_metadata_snap', what).catch(async (error: unknown) => {
        await writer.change(what, lvchangeTags(group, lv, { remove: mark }));
        throw error;
      });
      const thin = answer.rows.filter((row) => row['pool_lv'] === lv && row['thin_id'] !== '');
      return new Map(thin.map((row) => [row['lv_uuid'] ?? '', Number(row['thin_id'])]));
    });
  }

  async #release(pool: ThinPoolName): Promise<void> {
    const { writer } = this.#options;
    await this.#releaseNow(pool);
    const what = `the release of the metadata of thin pool ${pool.group}/${pool.lv} could not be recorded`;
    await writer.retag(what, pool, { remove: mark });
  }

  async #releaseNow(pool: ThinPoolName): Promise<void> {
    const { devices } = this.#options;
    const what = `the metadata of thin pool ${pool.group}/${pool.lv} could not be released`;
    if ((await devices.status(pool)).isHeld) await devices.send(pool, 'release_metadata_snap', what);
  }
}

/** A metadata snapshot that this process has, or is about to have. */
class Reserved {
  readonly ready: Promise<ReadonlyMap<string, number>>;
  readonly succeeded: Promise<boolean>;
  /** Resolves when it is released, or could not be. */
  readonly gone = Promise.withResolvers<void>();
  users = 0;
  /** Takes no further user. */
  closed = false;

  constructor(ready: Promise<ReadonlyMap<string, number>>) {
    this.ready = ready;
    this.succeeded = ready.then(
      () => true,
      () => false,
    );
  }
}

/** The task's result, or a throw of the signal's reason when it fires first; the task goes on. */
async function abortable<T>(task: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort);
  try {
    return await Promise.race([task, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
