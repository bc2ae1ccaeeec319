import type { Job, JobSource } from '../domain/jobs.ts';
import type { Volume } from '../domain/volume.ts';
import type { Log } from '../log.ts';
import type { InventoryCache } from './cache.ts';
import type { LocalStorage } from './storage.ts';

export interface InterruptedCreationsOptions {
  readonly storage: LocalStorage;
  readonly cache: InventoryCache;
  readonly log: Log;
}

/** Finds creations that were cut off between LVM's commit of the volume and the end of its wipe. One that a call works on is not cut off. */
export function createInterruptedCreations({ storage, cache, log }: InterruptedCreationsOptions): JobSource {
  const jobOf = (volume: Volume): Job => ({
    key: volume.id,
    lane: volume.group,
    pool: volume.pool,
    volume: volume.id,
    lv: `${volume.group}/${volume.lv}`,
    size: volume.size,
    since: volume.created,
    async run({ signal }) {
      const finished = await storage.finish(volume, signal);
      log.info({ volume: volume.id }, `interrupted creation ${finished ? 'finished' : 'undone'}`);
    },
  });
  return {
    kind: 'creation',
    find() {
      const volumes = cache.reported ? [...cache.current().volumes.values()] : [];
      const interrupted = volumes.filter(
        ({ id, state }) => state === 'creating' && storage.locks.holder(id) === undefined,
      );
      return interrupted.map(jobOf);
    },
  };
}
