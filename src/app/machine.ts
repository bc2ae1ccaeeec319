import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { App } from './app.ts';
import type { NodeContext, NodePart, Part } from './feature.ts';
import { createRepeater } from '../concurrency/repeater.ts';
import { createUnbroken } from '../concurrency/unbroken.ts';
import type { Config } from '../config/schema.ts';
import type { Candidate } from '../pools/candidates.ts';
import { messageOf } from '../domain/errors.ts';
import { admin } from '../grpc/load.ts';
import { createServer } from '../grpc/server.ts';
import { createIdentityService } from '../identity/service.ts';
import type { News } from '../domain/news.ts';
import type { Log } from '../log.ts';
import { createLvmCheck } from '../lvm/process/check.ts';
import type { CopiesTogether } from '../lvm/snapshots/copies-together.ts';
import { createInlineVolumes } from '../lvm/inline-volumes.ts';
import type { LocalStorage } from '../lvm/storage.ts';
import type { Checks } from '../metrics/health.ts';
import { createMetrics, joinFamilies, ownInventory } from '../metrics/metrics.ts';
import { diskGauges, poolGauges } from '../metrics/pools.ts';
import type { SecureOptions } from '../metrics/secure.ts';
import { contentGauges } from '../metrics/volumes.ts';
import { createReadDeviceUses } from '../mount/device-use.ts';
import { createFilesystems } from '../mount/filesystem.ts';
import { createMounter } from '../mount/mounter.ts';
import { stateOfPodFolder } from '../mount/pod-folders.ts';
import { createNodeService } from '../node/service.ts';
import { createAdminService } from '../admin/service.ts';
import { createRegistration, type Registration } from '../registration/registration.ts';
import { version } from '../version.ts';
import { createMachineLimits } from './limits.ts';
import { createLocal } from './local.ts';
import { type JoinedParts, joinParts, nodeParts } from './parts.ts';
import { createStorage, readBootId } from './storage.ts';
import { createUpkeep } from './upkeep.ts';

/** Milliseconds from a change of LVM to the next report, so that many changes need one report. */
const reportDelay = 1000;
/** A report of a thousand volumes takes 0.3 s; after our own changes the state in memory is right without one (ADR 5). */
const reportPause = 20;

/** A role's additions to the node services. */
export interface Addition extends Part {
  /** Called when the inventory may have changed. */
  readonly changed?: () => void;
  /** Absent: the metrics are on the port of the probes, for all callers. */
  readonly secure?: SecureOptions | undefined;
}

type Add = (storage: LocalStorage) => Promise<Addition>;

/** Identity and Node with this machine's LVM. */
export async function createMachine(config: Config, log: Log, add: Add): Promise<App> {
  let [addition, added]: [Addition, readonly NodePart[]] = [{}, []];
  const parts = await assemble(config, log, {
    reported: () => addition.changed?.(),
    ready: async () => void (await Promise.all(added.map(async (part) => part.ready?.()))),
  });
  const { local, storage, resume, limits, report, upkeep, registration, unbroken } = parts;
  addition = await add(storage);
  added = await nodeParts(contextOf(config, parts, () => addition.changed?.(), log));
  const joined = joinParts([ownPart(config, parts), ...added, addition]);
  const listen = config.metrics?.listen;
  const metrics = listen && (await createMetrics(listen, joined.metrics, createChecks(parts), addition.secure));
  const server = createServer({
    endpoint: config.endpoint.address,
    log,
    ...(metrics && { observe: metrics.observeCall }),
    services: { ...joined.services, ...createServices(config, parts, joined) },
    additional: [{ interface: admin, services: { Admin: joined.admin ?? {} } }],
  });
  return {
    async start() {
      await server.start();
      await Promise.all([metrics?.start(), resume()]);
      log.info({ driver: config.driver, node: config.node, endpoint: config.endpoint.address, version }, 'serving');
      upkeep.repeater.now();
      joined.start();
    },
    rescan: () => upkeep.repeater.now(),
    async stop(deadlineMs) {
      await endUnbroken(unbroken, log);
      await registration?.stop();
      const ends = [server.stop(deadlineMs), upkeep.jobs.stop(deadlineMs)];
      const [clean] = await Promise.all([Promise.all(ends), joined.stop(deadlineMs)]);
      await Promise.all([upkeep.repeater.stop(), upkeep.growth.stop(), report.stop(), limits.stop(), metrics?.stop()]);
      await closeMarks(storage, deadlineMs, log);
      local.lvm.restart();
      return clean.every(Boolean);
    },
  };
}

function contextOf(
  config: Config,
  { local, limits, upkeep, stack, storage, pauses, disks }: Parts,
  changed: () => void,
  log: Log,
): NodeContext {
  const deviceUses = createReadDeviceUses(local.patience);
  const inline = {
    volumes: createInlineVolumes(storage, config.inline),
    locks: storage.locks,
    stateOf: stateOfPodFolder,
  };
  const { jobs, leaving } = upkeep;
  const announce = (news: News): void => {
    if (storage.announce(news)) changed();
  };
  const own = { config, local, limits, jobs, leaving, disks, announce };
  return { ...own, devices: stack, deviceUses, inline, pauses, log };
}

/** The part that belongs to no feature. */
function ownPart({ node }: Config, { local, disks, upkeep }: Parts): NodePart {
  const own = ownInventory(node, local.cache);
  return {
    admin: createAdminService(() => upkeep.repeater.attempt()),
    metrics: joinFamilies([
      { gauges: [...poolGauges(own), ...contentGauges(own), ...diskGauges(disks)] },
      local.meter.families,
    ]),
    stop: async () => local.stuck.stop(),
  };
}

/** All calls are served meanwhile: pods that end need their volumes unpublished, for hours if necessary. */
async function endUnbroken(unbroken: Parts['unbroken'], log: Log): Promise<void> {
  const waitingFor = unbroken.running();
  if (waitingFor.length > 0) log.info({ waitingFor }, 'stopping when the work on filesystems has ended');
  await unbroken.stop();
}

/** Runs after the last call. If a mark stays, the copies are compared after the next boot. */
async function closeMarks({ marks }: LocalStorage, deadlineMs: number, log: Log): Promise<void> {
  try {
    await Promise.race([marks.close(), sleep(deadlineMs, undefined, { ref: false })]);
  } catch (error) {
    log.warn({ reason: messageOf(error) }, 'mirrors could not be marked as closed');
  }
}

interface Hooks {
  /** Called after each report of LVM. */
  readonly reported: () => void;
  /** Called after the first reconciliation of the pools. */
  readonly ready: () => Promise<void>;
}

/** The storage, with the reconciliation of its pools and its inventory. */
async function assemble(config: Config, log: Log, hooks: Hooks) {
  let disks: readonly Candidate[] = [];
  const report = createRepeater({
    task: async () => {
      const { unready } = await local.cache.refresh();
      // For example a disk that an administrator approved, and that our LVM does not see yet.
      if (unready.size > 0) upkeep.repeater.soon();
    },
    delay: reportDelay,
    pause: reportPause,
    failed: (error) => log.warn({ reason: messageOf(error) }, 'LVM could not be read'),
  });
  const local = await createLocal(config, {
    log,
    observe: (found) => (disks = found),
    changed: () => {
      report.soon();
      limits.changed();
    },
    reported: () => {
      limits.changed();
      // A report alone may show that these can go on: an evacuation, for example, when another job has erased its disk.
      const pending = [storage.erasures, storage.growth.rooms, upkeep.evacuations].some(
        ({ find }) => find().length > 0,
      );
      if (upkeep.ready() && pending) upkeep.jobs.look();
      hooks.reported();
    },
    prepared: () => upkeep.repeater.soon(),
  });
  const { storage, stack, copies, pauses } = createStorage(config, local, await readBootId(), log);
  const limits = createMachineLimits(config, local, stack, log);
  const registration = createOwnRegistration(config, log);
  const upkeep = createUpkeep(config, storage, local, log, async () => {
    registration?.start();
    await hooks.ready();
  });
  const unbroken = createUnbroken();
  const resume = () => resumePaused(copies, config, log);
  return { local, storage, stack, pauses, resume, limits, report, upkeep, registration, unbroken, disks: () => disks };
}

/** An earlier process may have died, with all that it ran, while it took a group snapshot. */
async function resumePaused(copies: CopiesTogether, { pools }: Config, log: Log): Promise<void> {
  try {
    const devices = await copies.resume(pools.map(({ group }) => group));
    if (devices.length > 0) log.warn({ devices }, 'writes go on that an earlier process had paused');
  } catch (error) {
    log.warn({ reason: messageOf(error) }, 'it could not be found out whether writes are paused');
  }
}

type Parts = Awaited<ReturnType<typeof assemble>>;

/** `undefined` if a registrar runs next to the driver. */
function createOwnRegistration({ registration, driver, endpoint }: Config, log: Log): Registration | undefined {
  if (registration.mode === 'external') return undefined;
  const { path } = registration.endpoint ?? endpoint;
  return createRegistration({ path: join(registration.directory, `${driver}-reg.sock`), driver, endpoint: path, log });
}

/** Milliseconds that LVM has to answer a probe, and for which its answer is reused. */
const probeTimes = { deadline: 10_000, reuse: 10_000 };

function createChecks({ local: { lvm, survivors }, upkeep, registration, unbroken }: Parts): Checks {
  const problemOfLvm = createLvmCheck({ lvm, ...probeTimes });
  return {
    // A restart does not help while a disk hangs, and would abort work on filesystems. A new driver is not ready before LVM answers.
    live: async () => (unbroken.running().length + survivors.list().length > 0 ? undefined : problemOfLvm()),
    ready: async () => (upkeep.ready() ? registration?.problem() : 'LVM and the pools are not ready yet'),
  };
}

function createServices(
  { driver, node, inline: bounds }: Config,
  { storage, stack, local: { run, patience }, limits, upkeep: { ready }, unbroken }: Parts,
  { services, nodeCapabilities: capabilities }: JoinedParts,
) {
  return {
    Identity: createIdentityService({ driver, version, ready }),
    Node: createNodeService({
      node,
      driver,
      volumes: storage,
      inline: createInlineVolumes(storage, bounds),
      podFolders: { stateOf: stateOfPodFolder },
      devices: stack,
      mounts: createMounter(run),
      filesystems: createFilesystems({ run, patience, unbroken }),
      locks: storage.locks,
      limits,
      methods: services.Node ?? {},
      capabilities,
    }),
  };
}
