import { JobRunner } from '../block/job-runner.ts';
import { createAwaitableRepeater } from '../concurrency/awaitable-repeater.ts';
import { createRepeater } from '../concurrency/repeater.ts';
import type { Config } from '../config/schema.ts';
import { messageOf } from '../domain/errors.ts';
import type { Log } from '../log.ts';
import { DiskRemoval } from '../lvm/disk-removal.ts';
import { createDevices } from '../lvm/devices.ts';
import { Evacuation } from '../lvm/evacuation/evacuation-job.ts';
import { endLeftProcesses } from '../lvm/evacuation/left-processes.ts';
import { LeavingDisks } from '../lvm/evacuation/leaving-disks.ts';
import { createInterruptedCreations } from '../lvm/interrupted-creations.ts';
import { LostCopies } from '../lvm/mirrors/lost-copies.ts';
import { MirrorRepair } from '../lvm/mirrors/mirror-repair.ts';
import { RoomGrowth } from '../lvm/snapshots/room-growth.ts';
import type { LocalStorage } from '../lvm/storage.ts';
import { createEncryptionLook } from './encryption.ts';
import type { Local } from './local.ts';

/** Milliseconds until a pool that failed is tried again, and how many such attempts come before it waits for `rescan`. */
const retryDelay = 1000;
const quickRetries = 10;

/**
 * Milliseconds between two looks at the use of thin pools that grow by themselves, and of the room of thick snapshots. A look costs a report, of
 * the pool alone, and nothing where no pool grows and no snapshot may need room.
 */
const growthInterval = 5000;

/**
 * Reconciles the pools at once and then every `rescan`. Ready once LVM and the disks could be read for the first time; calls `became`
 * then.
 */
export function createUpkeep(
  config: Config,
  storage: LocalStorage,
  local: Local,
  log: Log,
  became: () => Promise<void>,
) {
  let ready = false;
  let failures = 0;
  const lookForEncryption = createEncryptionLook(local);

  async function reconcile(): Promise<void> {
    // Before the pools are read: the inventory that is reported first says it.
    await attempt(lookForEncryption, log, 'whether volumes can be encrypted could not be found out');
    const complete = await local.reconciler.reconcile();
    // Before the first call is served: from then on mirrors may be written to.
    await attempt(() => storage.marks.settle(), log, 'mirrors could not be marked with this boot of the machine');
    await local.thinMetadata.snapshots.settle();
    await attempt(() => lost.look(), log, 'the copies of mirrors could not be read');
    jobs.look();
    if (!ready) {
      ready = true;
      log.info({ volumes: storage.inventory().volumes.size, complete }, 'ready');
      await became();
    }
    await attempt(() => local.renewRecords(), log, "LVM's backups could not be renewed");
    failures = complete ? 0 : failures + 1;
    if (failures > 0 && failures <= quickRetries) repeater.soon();
  }

  const repeater = createAwaitableRepeater({
    task: reconcile,
    every: config.rescan,
    delay: retryDelay,
    failed: (error) => {
      log.error({ reason: messageOf(error) }, 'the pools could not be looked at');
      if (!ready) repeater.soon();
    },
  });
  const { jobs, lost, leaving, evacuations } = createJobs(config, storage, local, log);
  return { repeater, jobs, leaving, evacuations, growth: growthOf(local, log), ready: () => ready };
}

function createJobs({ jobs: bounds }: Config, storage: LocalStorage, local: Local, log: Log) {
  const { repairRate, evacuationRate } = bounds;
  const lost = new LostCopies({ ...local, rate: repairRate });
  const repairs = new MirrorRepair({ ...local, marks: storage.marks, lost, log, rate: repairRate });
  const leaving = new LeavingDisks(local);
  const devices = createDevices(local.run, local.patience);
  const evacuations = new Evacuation({
    ...local,
    leaving,
    removal: new DiskRemoval(local),
    devices,
    endLeftProcesses,
    log,
    rate: evacuationRate,
  });
  const creations = createInterruptedCreations({ ...local, storage, log });
  const copies = {
    kind: 'copy',
    find: () => [...storage.volumeCopies.find(), ...storage.growth.rooms.find()],
  } as const;
  const sources = [creations, copies, storage.erasures, repairs, evacuations];
  const jobs = new JobRunner({ sources, bounds, log });
  for (const source of [storage.volumeCopies, storage.growth]) source.startWith(() => jobs.look());
  return { jobs, lost, leaving, evacuations };
}

/** Runs from now on. */
function growthOf(local: Local, log: Log) {
  const growth = new RoomGrowth({ ...local, log });
  return createRepeater({
    async task() {
      await attempt(() => local.reconciler.grow(), log, 'the use of thin pools could not be looked at');
      await growth.look();
    },
    every: growthInterval,
    delay: 0,
    failed: (error) => log.error({ reason: messageOf(error) }, 'the room of snapshots could not be extended'),
  });
}

/** A failure is logged with this message, and the next reconciliation tries again. */
async function attempt(task: () => Promise<void>, log: Log, message: string): Promise<void> {
  try {
    await task();
  } catch (error) {
    log.error({ reason: messageOf(error) }, message);
  }
}
