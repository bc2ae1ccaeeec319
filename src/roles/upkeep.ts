import { createRounds } from '../concurrency/rounds.ts';
import type { Config } from '../config/schema.ts';
import { messageOf } from '../domain/errors.ts';
import type { Log } from '../log.ts';
import { removeScratch } from '../lvm/scratch.ts';
import type { LocalStorage } from '../lvm/storage.ts';
import type { Local } from './local.ts';

/** How soon a start whose LVM did not answer is tried again. */
const retryDelay = 1000;

/**
 * Rounds of the keeper, at once and then again and again; ready after the first that came through.
 */
export function createUpkeep(config: Config, storage: LocalStorage, local: Local, log: Log, became: () => void) {
  let ready = false;

  async function round(): Promise<void> {
    const unprepared = await local.keeper.round();
    if (ready) return;
    // A pool that is reported as unready, say for want of a disk, keeps nobody waiting; one that should be active does.
    if (unprepared.some((name) => !storage.inventory().unready.has(name))) return rounds.soon();
    await finishInterrupted(storage, log);
    ready = true;
    log.info({ volumes: storage.inventory().volumes.size }, 'ready');
    became();
    await removeLeftScratch(config, local, log);
  }

  const rounds = createRounds({
    task: round,
    every: config.rescan,
    delay: retryDelay,
    failed: (error) => {
      log.error({ reason: messageOf(error) }, 'the pools could not be looked at');
      if (!ready) rounds.soon();
    },
  });
  return { rounds, ready: () => ready };
}

/** Volumes whose creation died between being made and being known as wiped. */
async function finishInterrupted(storage: LocalStorage, log: Log): Promise<void> {
  for (const volume of storage.inventory().volumes.values()) {
    if (volume.state !== 'creating') continue;
    try {
      await storage.finish(volume);
      log.info({ volume: volume.id }, 'interrupted creation finished');
    } catch (error) {
      log.error({ volume: volume.id, reason: messageOf(error) }, 'interrupted creation could not be finished');
    }
  }
}

/** What a calibration that was killed has left; one that runs now keeps its own. */
async function removeLeftScratch({ pools }: Config, local: Local, log: Log): Promise<void> {
  for (const { name, group } of pools) {
    try {
      if (await removeScratch(local, group)) log.info({ pool: name }, 'left scratch volume removed');
    } catch (error) {
      log.warn({ pool: name, reason: messageOf(error) }, 'the scratch volume was not removed');
    }
  }
}
