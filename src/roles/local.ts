import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { createQueue } from '../concurrency/queue.ts';
import { proveBlank } from '../disks/blank.ts';
import { type Candidate, findCandidates } from '../disks/candidates.ts';
import { discover } from '../disks/discover.ts';
import { systemRoots } from '../disks/sysfs.ts';
import { Failure } from '../domain/errors.ts';
import type { VgName } from '../domain/ids.ts';
import { createRun, type Run } from '../exec/run.ts';
import { createStartSession } from '../exec/session.ts';
import type { Log } from '../log.ts';
import { InventoryCache } from '../lvm/cache.ts';
import { createLvm } from '../lvm/client.ts';
import type { CommandOptions } from '../lvm/commands.ts';
import { Groups } from '../lvm/groups.ts';
import type { Lvm } from '../lvm/lvm.ts';
import { listPhysicalVolumes, type PhysicalVolume, type PhysicalVolumeReport } from '../lvm/physical-volumes.ts';
import { prefixed, programPrefix } from '../lvm/program.ts';
import { createReadHostFile, linksIn, type ReadHostFile, shellProfile, writeSystemDirectory } from '../lvm/system.ts';
import { createWriter, type Writer } from '../lvm/writer.ts';
import { type KeeperPorts, PoolKeeper } from '../pools/keeper.ts';
import { traceLvm, traceRun } from './tracing.ts';

/** What this machine's disks and LVM are, joined; the driver and the command line both stand on it. */
export interface Local {
  readonly run: Run;
  /** How a program that is not of the image is started: where LVM is the host's, so is that. */
  readonly hosted: (program: string) => readonly [string, ...string[]];
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
  readonly writer: Writer;
  readonly keeper: PoolKeeper<Candidate>;
  readonly judge: () => Promise<readonly Candidate[]>;
  readonly prepare: KeeperPorts<Candidate>['prepare'];
  /** Lets LVM see the devices that the last judgement found in our groups, and `more`. */
  readonly show: (more: readonly string[]) => Promise<void>;
}

export interface LocalOptions {
  readonly log: Log;
  readonly observe: (disks: readonly Candidate[]) => void;
  /** Called after each change of LVM. */
  readonly changed: () => void;
  /** Called when LVM was read anew. */
  readonly reported?: () => void;
}

export async function createLocal(config: Config, { log, observe, changed, reported }: LocalOptions): Promise<Local> {
  const run = traceRun(createRun(), log);
  const { deadline, directory, mode } = config.lvm;
  const prefix = await programPrefix(mode);
  const program = prefixed(prefix, 'lvm');
  const readHostFile = createReadHostFile(run, prefix);
  const process = await usableProcess(config, readHostFile, log);
  const lvm = traceLvm(createLvm({ run, start: createStartSession(), program, directory, process, deadline }), log);
  const cache = new InventoryCache(lvm, config.pools, reported);
  const writer = createWriter({ lvm, cache, queue: createQueue(), changed });
  const groups = new Groups({ lvm, cache, writer, links: linksIn(directory) });
  const probe = { roots: systemRoots, run, deadline: 30_000 };
  const command = { run: announcing(run, () => log.info({}, 'LVM answered')), program, env: {}, deadline };
  const look = createJudge(config, command, probe, log);
  const judge = () => look.judge();
  const ports: KeeperPorts<Candidate> = {
    judge,
    async show(more) {
      const devices = [...new Set([...look.members(), ...more])].sort();
      if (await writeSystemDirectory(directory, devices, readHostFile, mode)) lvm.restart();
    },
    async take(disk) {
      if (disk.verdict === 'proposed') await refuseUnlessBlank(disk, probe);
      await groups.take(disk.pool, disk.device, disk.verdict === 'interrupted');
    },
    prepare: (spec) => groups.prepare(spec),
    suspend: (pool, reason) => cache.suspend(pool, reason),
    refresh: () => cache.refresh(),
  };
  const keeper = new PoolKeeper({ specs: config.pools, ports, log, observe });
  const hosted = (name: string) => prefixed(prefix, name);
  return { run, hosted, lvm, cache, writer, keeper, judge, prepare: ports.prepare, show: ports.show };
}

/** Judges every disk that a rule matches, and remembers the devices of our groups. */
function createJudge(config: Config, command: CommandOptions, probe: Parameters<typeof findCandidates>[2], log: Log) {
  const ours = new Set<VgName>(config.pools.map((spec) => spec.group));
  let members: readonly PhysicalVolume[] = [];
  return {
    members: () => members.map(({ device }) => device),
    async judge(): Promise<readonly Candidate[]> {
      const report = await physicalVolumes(config, command);
      const { volumes, problems, hostProblem: reason } = report;
      if (reason !== undefined) log.error({ reason }, 'LVM did not list the physical volumes of the host');
      members = seen(members, report, ours);
      const found = new Map(volumes.map((volume) => [volume.device, volume]));
      return findCandidates(config.pools, { found, problems }, probe);
    },
  };
}

/** Calls `answered` when a program has succeeded for the first time. */
function announcing(run: Run, answered: () => void): Run {
  let done = false;
  return async (argv, options) => {
    const result = await run(argv, options);
    if (!done && result.exitCode === 0) answered();
    done ||= result.exitCode === 0;
    return result;
  };
}

/** The devices of our groups. Those that LVM could not tell of now stay what they were. */
function seen(
  before: readonly PhysicalVolume[],
  { volumes, problems, hostProblem }: PhysicalVolumeReport,
  ours: ReadonlySet<VgName>,
): PhysicalVolume[] {
  const told = new Set(volumes.map(({ device }) => device));
  const unknown = before.filter(
    ({ device }) => !told.has(device) && (hostProblem !== undefined || problems.has(device)),
  );
  return [...volumes.filter(({ group }) => group !== undefined && ours.has(group)), ...unknown];
}

/** Of all that the pools' rules match, whatever the host's LVM is told to see. */
async function physicalVolumes(config: Config, command: CommandOptions): Promise<PhysicalVolumeReport> {
  const rules = config.pools.flatMap((spec) => spec.disks ?? []);
  const matches = await Promise.all(rules.map((rule) => discover(rule, systemRoots)));
  const devices = matches.flatMap(({ disks }) => disks.map(({ device }) => device));
  return listPhysicalVolumes(command, join(config.lvm.directory, 'candidates'), [...new Set(devices)]);
}

/** The long-lived process needs the profile that LVM ships for its D-Bus daemon; where that is missing, a process a command. */
async function usableProcess(config: Config, readHostFile: ReadHostFile, log: Log): Promise<'shell' | 'command'> {
  if (config.lvm.process === 'command') return 'command';
  const profile = await readHostFile(shellProfile);
  if (profile !== '') return 'shell';
  log.warn({ profile: shellProfile }, 'LVM lacks the profile for a long-lived process: a process a command is used');
  return 'command';
}

/** The proof that proposed the disk is old by now. */
async function refuseUnlessBlank(
  { disk, device }: Extract<Candidate, { verdict: 'proposed' | 'member' }>,
  probe: Parameters<typeof proveBlank>[1],
): Promise<void> {
  const proof = await proveBlank(disk, probe);
  if (!proof.blank) throw new Failure('precondition', `${device} is no longer blank: ${proof.findings.join('; ')}`);
}
