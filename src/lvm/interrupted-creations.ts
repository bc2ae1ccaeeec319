import type { VolumeId } from '../domain/ids.ts';
import type { Job, JobSource } from '../domain/jobs.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Volume } from '../domain/volume.ts';
import type { Log } from '../log.ts';
import type { InventoryCache } from './cache.ts';
import type { LocalStorage } from './storage.ts';

export interface InterruptedCreationsOptions {
  readonly storage: LocalStorage;
  readonly cache: InventoryCache;
  readonly log: Log;
}

/** Finds creations and snapshots that were cut off between LVM's commit and their end. One that a call works on is not cut off. */
export function createInterruptedCreations(options: InterruptedCreationsOptions): JobSource {
  const { storage, cache } = options;
  const isCutOff = ({ id, state }: Volume | Snapshot): boolean =>
    state === 'creating' && storage.locks.holder(id) === undefined;
  return {
    kind: 'creation',
    find() {
      if (!cache.reported) return [];
      const { volumes, snapshots } = cache.current();
      return [
        ...[...volumes.values()].filter(isCutOff).map((volume) => finishing(volume, options)),
        ...[...snapshots.values()].filter(isCutOff).flatMap((snapshot) => undoing(snapshot, options)),
      ];
    },
  };
}

function finishing(volume: Volume, { storage, log }: InterruptedCreationsOptions): Job {
  return {
    ...targetOf(volume, volume.id, volume.created),
    async run({ signal }) {
      const finished = await storage.finish(volume, signal);
      log.info({ volume: volume.id }, `interrupted creation ${finished ? 'finished' : 'undone'}`);
    },
  };
}

/** A job; none for a member of a group snapshot that a call works on. */
function undoing(snapshot: Snapshot, { storage, log }: InterruptedCreationsOptions): Job[] {
  const { memberOf } = snapshot;
  if (memberOf && storage.locks.holder(memberOf.id) !== undefined) return [];
  const run: Job['run'] = async ({ signal }) => {
    await (memberOf ? storage.groupSnapshots.undo(memberOf.id, signal) : storage.snapshots.undo(snapshot, signal));
    log.info({ snapshot: snapshot.id }, 'interrupted snapshot removed');
  };
  return [{ ...targetOf(snapshot, snapshot.source, snapshot.taken), run }];
}

function targetOf({ id, group, lv, pool, size }: Volume | Snapshot, volume: VolumeId, since: number | undefined) {
  return { key: id, lane: group, pool, volume, lv: `${group}/${lv}`, size, since };
}
