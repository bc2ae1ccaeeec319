import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import type { DiskProbe } from '../pools/blank.ts';
import { type Candidate, findCandidates } from '../pools/candidates.ts';
import { discover } from '../pools/discover.ts';
import { Failure } from '../domain/errors.ts';
import type { GroupState, GroupStates } from '../domain/groups.ts';
import type { VgName } from '../domain/ids.ts';
import type { Log } from '../log.ts';
import type { CommandOptions } from '../lvm/process/commands.ts';
import type { GroupRecords } from '../lvm/group-records.ts';
import type { Proof } from '../lvm/groups.ts';
import { listPhysicalVolumes, type PhysicalVolume, type PhysicalVolumeReport } from '../lvm/physical-volumes.ts';

/** A device of a pool's group. */
interface Member {
  readonly device: string;
  readonly group: VgName;
}

/** Finds the disks that the pools' rules match, with a verdict for each, and remembers the devices of our groups. */
export interface CandidateFinder {
  /** The devices of our groups, as the last search found them. */
  readonly members: () => readonly Member[];
  /** What the last search found: the physical volumes of groups that LVM does not find, and the states of the pools' groups. */
  readonly search: () => { readonly claimed: readonly PhysicalVolume[]; readonly groups: GroupStates };
  readonly find: () => Promise<readonly Candidate[]>;
  /** Checks one disk again. Throws `precondition` if its verdict has changed. */
  readonly recheck: (disk: Candidate) => Promise<Proof>;
}

export interface CandidateFinderOptions {
  readonly config: Config;
  readonly command: CommandOptions;
  readonly probe: DiskProbe;
  readonly records: GroupRecords;
  /** Called with the state of the pools' groups before a verdict depends on it. */
  readonly identified: (states: GroupStates) => void;
  /** Devices that do not answer, with the reason. LVM looks at none of them. */
  readonly stuck: () => ReadonlyMap<string, string>;
  readonly log: Log;
}

export function createCandidateFinder({
  config,
  command,
  probe,
  records,
  identified,
  stuck,
  log,
}: CandidateFinderOptions): CandidateFinder {
  const ours = new Set<VgName>(config.pools.map((spec) => spec.group));
  let members: readonly (PhysicalVolume & Member)[] = [];
  let search: ReturnType<CandidateFinder['search']> = { claimed: [], groups: new Map() };

  async function find(only?: string): Promise<{ candidates: readonly Candidate[]; groups: GroupStates }> {
    const report = await physicalVolumes(config, command, probe, { members, stuck: stuck() });
    const { volumes, problems, hostProblem: reason } = report;
    if (reason !== undefined) log.error({ reason }, 'LVM did not list the physical volumes of the host');
    const named = seen(members, report, ours);
    const groups = await records.identify(named, reason);
    members = named.filter(({ group, groupUuid }) => isPresent(groups.get(group), groupUuid));
    search = { claimed: volumes.filter(({ claimed }) => claimed), groups };
    identified(groups);
    const found = new Map(volumes.map((volume) => [volume.device, volume]));
    return { candidates: await findCandidates(config.pools, { found, problems, groups }, probe, { only }), groups };
  }
  return {
    members: () => members,
    search: () => search,
    find: async () => (await find()).candidates,
    async recheck(disk) {
      const { candidates, groups } = await find(disk.device);
      const now = candidates.find(({ pool, device }) => pool === disk.pool && device === disk.device);
      if (now?.verdict === disk.verdict) {
        const mayCreate = groups.get(disk.pool.group)?.state === 'none';
        return { marked: now.verdict !== 'proposed', claimed: 'claimed' in now && now.claimed, mayCreate };
      }
      const reason = now === undefined ? ['it is gone'] : 'findings' in now ? now.findings : [`it is a ${now.verdict}`];
      throw new Failure('precondition', `${disk.device} is no longer ${disk.verdict}: ${reason.join('; ')}`);
    },
  };
}

function isPresent(known: GroupState | undefined, uuid: string): boolean {
  return known?.state === 'present' && known.uuid === uuid;
}

/** The devices of groups with the names of ours. Those that LVM cannot report on now keep their last state. */
function seen(
  before: readonly (PhysicalVolume & Member)[],
  { volumes, problems, hostProblem }: PhysicalVolumeReport,
  ours: ReadonlySet<VgName>,
): (PhysicalVolume & Member)[] {
  const told = new Set(volumes.map(({ device }) => device));
  const unknown = before.filter(
    ({ device }) => !told.has(device) && (hostProblem !== undefined || problems.has(device)),
  );
  const isOurs = (volume: PhysicalVolume): volume is PhysicalVolume & Member =>
    volume.group !== undefined && ours.has(volume.group);
  return [...volumes.filter(isOurs), ...unknown];
}

/** The physical volumes among all disks that the pools' rules match, also those that the host's LVM configuration hides. */
async function physicalVolumes(
  config: Config,
  command: CommandOptions,
  { roots }: DiskProbe,
  { members, stuck }: { readonly members: readonly Member[]; readonly stuck: ReadonlyMap<string, string> },
): Promise<PhysicalVolumeReport> {
  const rules = config.pools.flatMap((spec) => spec.disks ?? []);
  const matches = await Promise.all(rules.map((rule) => discover(rule, roots)));
  const matched = matches.flatMap(({ disks }) => disks.map(({ device }) => device));
  // LVM does not look at all disks of the host while one is stuck.
  const devices = stuck.size === 0 ? matched : [...matched, ...members.map(({ device }) => device)];
  return listPhysicalVolumes(command, join(config.lvm.directory, 'candidates'), [...new Set(devices)], stuck);
}
