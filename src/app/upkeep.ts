import { JobRunner } from '../block/job-runner.ts';
import { createRounds } from '../concurrency/rounds.ts';
import type { Config } from '../config/schema.ts';
import { messageOf } from '../domain/errors.ts';
import type { Job, JobSource } from '../domain/jobs.ts';
import type { Volume } from '../domain/volume.ts';
import type { Log } from '../log.ts';
import { MirrorRepair } from '../lvm/mirror-repair.ts';
import { removeScratch } from '../lvm/scratch.ts';
import type { LocalStorage } from '../lvm/storage.ts';
import type { Local } from './local.ts';

/** Milliseconds until a pool that failed is tried again, and how often that is done before it waits for the regular round. */
const retryDelay = 1000;
const quickRetries = 10;

/** Looks after the pools at once and then again and again. Ready after the first round in which LVM and the disks could be read. */
export function createUpkeep(config: Config, storage: LocalStorage, local: Local, log: Log, became: () => void) {
  let ready = false;
  let failures = 0;

  async function round(): Promise<void> {
    const complete = await local.reconciler.reconcile();
    await settleMarks(storage, log);
    jobs.look();
    if (!ready) {
      ready = true;
      log.info({ volumes: storage.inventory().volumes.size, complete }, 'ready');
      became();
      await removeLeftScratch(config, local, log);
    }
    failures = complete ? 0 : failures + 1;
    if (failures > 0 && failures <= quickRetries) rounds.soon();
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
  const repairs = new MirrorRepair({ ...local, marks: storage.marks, log, rate: config.mirrors.repairRate });
  const jobs = new JobRunner({ sources: [interruptedCreations(storage, local, log), repairs], log });
  async function stop(): Promise<void> {
    await Promise.all([rounds.stop(), jobs.stop()]);
  }
  return { rounds, jobs, stop, ready: () => ready };
}

/** What may be written to from now on is known as such before the first call is served. */
async function settleMarks(storage: LocalStorage, log: Log): Promise<void> {
  try {
    await storage.marks.settle();
  } catch (error) {
    log.error({ reason: messageOf(error) }, 'mirrors could not be marked with this boot of the machine');
  }
}

/** Volumes whose creation died between being made and being known as wiped. One that a call works on is not interrupted. */
function interruptedCreations(storage: LocalStorage, { cache }: Local, log: Log): JobSource {
  const jobOf = (volume: Volume): Job => ({
    key: volume.id,
    lane: volume.group,
    pool: volume.pool,
    volume: volume.id,
    lv: `${volume.group}/${volume.lv}`,
    size: volume.size,
    async run({ signal }) {
      const finished = await storage.finish(volume, signal);
      log.info({ volume: volume.id }, `interrupted creation ${finished ? 'finished' : 'undone'}`);
    },
  });
  return {
    kind: 'creation',
    find() {
      const volumes = cache.reported ? [...storage.inventory().volumes.values()] : [];
      const interrupted = volumes.filter(
        ({ id, state }) => state === 'creating' && storage.locks.holder(id) === undefined,
      );
      return interrupted.map(jobOf);
    },
  };
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
