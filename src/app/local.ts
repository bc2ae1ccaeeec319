import type { Config } from '../config/schema.ts';
import { createPatience, type Patience } from '../concurrency/patience.ts';
import { createQueue } from '../concurrency/queue.ts';
import type { Candidate } from '../pools/candidates.ts';
import { systemRoots } from '../pools/sysfs.ts';
import { isFailure } from '../domain/errors.ts';
import { createRun, type Run } from '../exec/run.ts';
import { createStartSession } from '../exec/session.ts';
import { createRunStream } from '../exec/stream.ts';
import { createSurvivors, type Survivor, type Survivors } from '../exec/survivors.ts';
import type { Log } from '../log.ts';
import { InventoryCache } from '../lvm/cache.ts';
import { createLvm } from '../lvm/process/client.ts';
import { createDevices } from '../lvm/devices.ts';
import { GroupRecords } from '../lvm/group-records.ts';
import { Groups } from '../lvm/groups.ts';
import type { Lvm } from '../lvm/process/lvm.ts';
import { createReadLocations } from '../lvm/metadata/locations.ts';
import { MissingDisks } from '../lvm/mirrors/missing-disks.ts';
import { groupOfDevice } from '../lvm/names.ts';
import { prefixed, programPrefix } from '../lvm/process/program.ts';
import {
  createReadHostFile,
  linksIn,
  type ReadHostFile,
  shellProfile,
  writeSystemDirectory,
} from '../lvm/process/system.ts';
import { createLvmMeter, type LvmMeter } from '../metrics/commands.ts';
import type { StuckGroups } from '../lvm/stuck-groups.ts';
import { createFinishSnapshot } from '../lvm/blocks/cut-off-snapshots.ts';
import { createLeftMessages } from '../lvm/blocks/left-messages.ts';
import { createPoolDevices } from '../lvm/blocks/pool-device.ts';
import { ThinMetadata } from '../lvm/blocks/thin-metadata.ts';
import { createWriter, type Writer } from '../lvm/writer.ts';
import { type ReconcilerPorts, PoolReconciler } from '../pools/reconciler.ts';
import { createDisks, type Disks } from './disks.ts';
import { createLostMetadata, createPreparation, type Preparation } from './preparation.ts';
import { traceLvm, traceRun, traceStream } from './tracing.ts';

/** Access to this machine's disks and LVM, for the driver and the command line. */
export interface Local extends Pick<Preparation, 'prepare' | 'renewRecords'> {
  readonly run: Run;
  /** Programs that cannot be killed. */
  readonly survivors: Survivors;
  readonly patience: Patience;
  /** The command line of a program that is not in the image: if LVM runs in the host's namespaces, so does the program. */
  readonly hosted: (program: string) => readonly [string, ...string[]];
  readonly lvm: Lvm;
  /** Of LVM's commands. */
  readonly meter: LvmMeter;
  readonly cache: InventoryCache;
  readonly stuck: StuckGroups;
  readonly writer: Writer;
  readonly thinMetadata: ThinMetadata;
  readonly missing: MissingDisks;
  readonly reconciler: PoolReconciler<Candidate>;
  readonly findDisks: () => Promise<readonly Candidate[]>;
  /** Lets LVM see the devices that the last search found in our groups, and `more`. */
  readonly show: (more: readonly string[]) => Promise<void>;
}

export interface LocalOptions {
  readonly log: Log;
  readonly observe: (disks: readonly Candidate[]) => void;
  /** Called after each change of LVM. */
  readonly changed: () => void;
  /** Called after each new report of LVM. */
  readonly reported?: () => void;
  /** Called after a slow preparation of a pool. */
  readonly prepared?: () => void;
}

/** LVM's processes start with the first command. Throws `unavailable` if the host's LVM configuration cannot be read. */
export async function createLocal(config: Config, options: LocalOptions): Promise<Local> {
  const { log, observe, changed, reported, prepared } = options;
  const { survivors, run, start, stream, meter } = createPrograms(log);
  const patience = createDiskPatience(config);
  const { deadline, slowDeadline, directory, mode } = config.lvm;
  const prefix = await programPrefix(mode);
  const program = prefixed(prefix, 'lvm');
  const readHostFile = createReadHostFile(run, prefix);
  const thinCheck = helpOf(run, prefixed(prefix, 'thin_check'));
  const process = await usableProcess(config, readHostFile, log);
  const lvm = traceLvm(createLvm({ run, start, program, directory, process, deadline, slowDeadline }), log, meter);
  const records = new GroupRecords({ node: config.node, specs: config.pools, readHostFile });
  const disks = createDisks({
    config,
    command: { run: announcing(run, log), program, env: {}, deadline },
    probe: { roots: systemRoots, run, patience, deadline: 30_000 },
    records,
    cache: () => cache,
    write: async (devices) => writeSystemDirectory(directory, devices, readHostFile, mode, await thinCheck),
    changed: () => lvm.restart(),
    answers: () => prepared?.(),
    log,
  });
  const cache = new InventoryCache(disks.stuck.reports(lvm), config.node, config.pools, reported);
  const hosted: Local['hosted'] = (name) => prefixed(prefix, name);
  const access = { lvm, cache, run, hosted, patience };
  const { writer, messages, devices, poolDevices } = createOwnWriter(access, { directory, changed, log });
  const missing = new MissingDisks({ lvm, cache, writer, patience: config.jobs.repairAfter });
  const groups = new Groups({ node: config.node, lvm, cache, writer, links: linksIn(directory) });
  const shared = { cache, records, writer, log };
  const lost = createLostMetadata(config, disks, patience, { ...shared, devices });
  const preparation = createPreparation(config.pools, { ...shared, lvm, lost, missing, messages, groups });
  const ports = { ...portsOf(disks, groups, cache), ...preparation, prepared: () => prepared?.() };
  const reconciler = new PoolReconciler({ specs: config.pools, ports, log, observe });
  const thinMetadata = new ThinMetadata({ lvm, cache, writer, devices: poolDevices, stream, hosted, log });
  const programs = { run, survivors, patience, hosted, lvm, meter };
  return { ...ports, ...programs, cache, stuck: disks.stuck, writer, missing, thinMetadata, reconciler };
}

/** The only writer of LVM's metadata, with what it mends before a change. */
function createOwnWriter(
  { lvm, cache, run, hosted, patience }: Pick<Local, 'lvm' | 'cache' | 'run' | 'hosted' | 'patience'>,
  { directory, changed, log }: { readonly directory: string } & Pick<LocalOptions, 'changed' | 'log'>,
) {
  const devices = createDevices(run, patience);
  const poolDevices = createPoolDevices({ run, hosted });
  const mend = createFinishSnapshot({ lvm, cache, devices: poolDevices, log });
  const messages = createLeftMessages({ lvm, cache, mend, directory, log });
  const readLocations = createReadLocations(patience);
  const writer = createWriter({ lvm, cache, queue: createQueue(), readLocations, devices, mend, messages, changed });
  return { writer, messages, devices, poolDevices };
}

function portsOf({ find, recheck, visible }: Disks, groups: Groups, cache: InventoryCache) {
  return {
    findDisks: find,
    show: (more) => visible.show(more),
    take: (disk) => groups.take(disk.pool, disk.device, () => recheck(disk)),
    needsGrowth: (spec) => groups.needsGrowth(spec),
    suspend: (pool, reason) => cache.suspend(pool, reason),
    refresh: () => cache.refresh(),
  } satisfies Partial<ReconcilerPorts<Candidate>>;
}

/** Devices of one volume group hang together. */
function createDiskPatience({ pools }: Config): Patience {
  const names = pools.map(({ group }) => group);
  return createPatience({ groupOf: (device) => groupOfDevice(device, names) });
}

/** Milliseconds. A busy machine may take seconds to start a program, and without an answer the checks of thin pools repair nothing while this process runs. */
const helpWithin = 60_000;

/** The output of a program's `--help`; empty if it cannot be run. */
async function helpOf(run: Run, program: readonly [string, ...string[]]): Promise<string> {
  try {
    const { stdout, stderr } = await run([...program, '--help'], { deadline: helpWithin });
    return stdout + stderr;
  } catch (error) {
    if (isFailure(error)) return '';
    throw error;
  }
}

function createPrograms(log: Log) {
  const survivors = createSurvivors((survivor, state) => logSurvivor(log, survivor, state));
  const stream = traceStream(createRunStream(survivors), log);
  return {
    survivors,
    stream,
    run: traceRun(createRun(survivors), log),
    start: createStartSession(survivors),
    meter: createLvmMeter(),
  };
}

function logSurvivor(log: Log, { pid, argv }: Survivor, state: 'remains' | 'ended'): void {
  if (state === 'ended') log.info({ pid, argv }, 'a program that could not be killed has ended');
  else log.warn({ pid, argv }, 'a program cannot be killed: it is in uninterruptible sleep');
}

/** Logs the first success of a program. */
function announcing(run: Run, log: Log): Run {
  let done = false;
  return async (argv, options) => {
    const result = await run(argv, options);
    if (!done && result.exitCode === 0) log.info({}, 'LVM answered');
    done ||= result.exitCode === 0;
    return result;
  };
}

/** The long-lived process needs the profile that LVM ships for its D-Bus daemon; without it, each command has its own process. */
async function usableProcess(config: Config, readHostFile: ReadHostFile, log: Log): Promise<'shell' | 'command'> {
  if (config.lvm.process === 'command') return 'command';
  const profile = await readHostFile(shellProfile);
  if (profile !== '') return 'shell';
  log.warn({ profile: shellProfile }, 'LVM lacks the profile for a long-lived process: each command starts a process');
  return 'command';
}
