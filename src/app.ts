import { join } from 'node:path';
import type { Config } from './config/schema.ts';
import { createLocks } from './concurrency/locks.ts';
import { createRepeater } from './concurrency/repeater.ts';
import { Provisioner } from './controller/provisioner.ts';
import { createControllerService } from './controller/service.ts';
import type { Candidate } from './disks/candidates.ts';
import { messageOf } from './domain/errors.ts';
import { createServer } from './grpc/server.ts';
import { createIdentityService } from './identity/service.ts';
import { createLocal, type Local } from './local.ts';
import type { Log } from './log.ts';
import { createLvmCheck } from './lvm/check.ts';
import { createDevices } from './lvm/devices.ts';
import { LocalStorage } from './lvm/storage.ts';
import type { Checks } from './metrics/health.ts';
import { createMetrics, type Metrics } from './metrics/metrics.ts';
import { createFilesystems } from './mount/filesystem.ts';
import { createMounter } from './mount/mounter.ts';
import { usesOf } from './mount/table.ts';
import { createNodeService } from './node/service.ts';
import { createRegistration, type Registration } from './registration/registration.ts';
import { version } from './version.ts';

export interface App {
  /** Resolves when calls are accepted; LVM and the pools may need longer, as Probe says. */
  start(): Promise<void>;
  /** Looks at disks and groups again, now. */
  rescan(): void;
  /** Ends what is in flight within the deadline. True when nothing had to be cut off. */
  stop(deadlineMs: number): Promise<boolean>;
}

/** How long after a change of LVM its report is read again: many changes, one report. */
const reportDelay = 1000;
/** How soon a start whose LVM did not answer is tried again. */
const retryDelay = 1000;

/** Everything in one process: Identity, Controller and Node on one socket, over the LVM of this machine. */
export async function createApp(config: Config, log: Log): Promise<App> {
  let disks: readonly Candidate[] = [];
  const report = createRepeater({
    task: async () => {
      const { unready } = await local.cache.refresh();
      // Such as a disk that was approved by hand, and that our LVM does not see yet.
      if (unready.size > 0) upkeep.rounds.soon();
    },
    delay: reportDelay,
    failed: (error) => log.warn({ reason: messageOf(error) }, 'LVM could not be read'),
  });
  const local = await createLocal(config, {
    log,
    observe: (found) => (disks = found),
    changed: () => report.soon(),
  });
  const storage = createStorage(config, local);
  const registration = createOwnRegistration(config, log);
  const upkeep = createUpkeep(config, storage, local, log, () => registration?.start());
  const checks = createChecks(local, upkeep.ready, registration);
  const metrics = config.metrics && (await createMetrics(config.metrics.listen, local.cache, () => disks, checks));
  const server = createAppServer(config, { storage, local, log, metrics, ready: upkeep.ready });
  return {
    async start() {
      await server.start();
      await metrics?.start();
      log.info({ driver: config.driver, node: config.node, endpoint: config.endpoint.address, version }, 'serving');
      upkeep.rounds.now();
    },
    rescan: () => upkeep.rounds.now(),
    async stop(deadlineMs) {
      await registration?.stop();
      const clean = await server.stop(deadlineMs);
      await Promise.all([upkeep.rounds.stop(), report.stop(), metrics?.stop()]);
      local.lvm.restart();
      return clean;
    },
  };
}

/** Where no registrar runs beside the driver. */
function createOwnRegistration({ registration, driver, endpoint }: Config, log: Log): Registration | undefined {
  if (registration.mode === 'external') return undefined;
  const { path } = registration.endpoint ?? endpoint;
  return createRegistration({ path: join(registration.directory, `${driver}-reg.sock`), driver, endpoint: path, log });
}

/** Milliseconds that LVM has to answer a probe, and for which its answer holds. */
const probeTimes = { deadline: 10_000, holds: 10_000 };

function createChecks({ lvm }: Local, ready: () => boolean, registration: Registration | undefined): Checks {
  return {
    live: createLvmCheck({ lvm, ...probeTimes }),
    ready: async () => (ready() ? registration?.problem() : 'LVM and the pools are not ready yet'),
  };
}

/** Rounds of the keeper, at once and then again and again; ready after the first that came through. */
function createUpkeep(config: Config, storage: LocalStorage, { keeper }: Local, log: Log, becameReady: () => void) {
  let ready = false;
  const rounds = createRepeater({
    task: async () => {
      const unprepared = await keeper.round();
      if (ready) return;
      // A pool that is reported as unready, say for want of a disk, keeps nobody waiting; one that should be active does.
      if (unprepared.some((name) => !storage.inventory().unready.has(name))) return rounds.soon();
      await finishInterrupted(storage, log);
      ready = true;
      log.info({ volumes: storage.inventory().volumes.size }, 'ready');
      becameReady();
    },
    every: config.rescan,
    delay: retryDelay,
    failed: (error) => {
      log.error({ reason: messageOf(error) }, 'the pools could not be looked at');
      if (!ready) rounds.soon();
    },
  });
  return { rounds, ready: () => ready };
}

function createStorage(config: Config, { lvm, cache, writer, run }: Local): LocalStorage {
  const devices = createDevices(run);
  return new LocalStorage({ node: config.node, lvm, cache, writer, devices, usesOf, locks: createLocks() });
}

interface Parts {
  readonly storage: LocalStorage;
  readonly local: Local;
  readonly log: Log;
  readonly metrics: Metrics | undefined;
  readonly ready: () => boolean;
}

function createAppServer(config: Config, { storage, local, log, metrics, ready }: Parts) {
  const { driver, node, pools } = config;
  return createServer({
    endpoint: config.endpoint.address,
    log,
    ...(metrics && { observe: metrics.observeCall }),
    services: {
      Identity: createIdentityService({ driver, version, ready }),
      Controller: createControllerService(new Provisioner(storage, pools), driver),
      Node: createNodeService({
        node,
        driver,
        volumes: storage,
        mounts: createMounter(local.run),
        filesystems: createFilesystems(local.run),
        locks: storage.locks,
      }),
    },
  });
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
