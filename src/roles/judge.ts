import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import type { DiskProbe } from '../disks/blank.ts';
import { type Candidate, findCandidates } from '../disks/candidates.ts';
import { discover } from '../disks/discover.ts';
import { Failure } from '../domain/errors.ts';
import type { VgName } from '../domain/ids.ts';
import type { Log } from '../log.ts';
import type { CommandOptions } from '../lvm/commands.ts';
import type { Proof } from '../lvm/groups.ts';
import { listPhysicalVolumes, type PhysicalVolume, type PhysicalVolumeReport } from '../lvm/physical-volumes.ts';

/** Judges the disks that the pools' rules match, and remembers the devices of our groups. */
export interface Judge {
  /** The devices of our groups, as the last judgement found them. */
  readonly members: () => readonly string[];
  readonly all: () => Promise<readonly Candidate[]>;
  /**
   * Judges one disk once more. Throws `precondition` where it is no longer what it was when it was chosen.
   */
  readonly again: (disk: Candidate) => Promise<Proof>;
}

export function createJudge(config: Config, command: CommandOptions, probe: DiskProbe, log: Log): Judge {
  const ours = new Set<VgName>(config.pools.map((spec) => spec.group));
  let members: readonly PhysicalVolume[] = [];

  async function judge(only?: string): Promise<readonly Candidate[]> {
    const report = await physicalVolumes(config, command, probe);
    const { volumes, problems, hostProblem: reason } = report;
    if (reason !== undefined) log.error({ reason }, 'LVM did not list the physical volumes of the host');
    members = seen(members, report, ours);
    const found = new Map(volumes.map((volume) => [volume.device, volume]));
    return findCandidates(config.pools, { found, problems }, probe, { only });
  }
  return {
    members: () => members.map(({ device }) => device),
    all: () => judge(),
    async again(disk) {
      const now = (await judge(disk.device)).find(({ pool, device }) => pool === disk.pool && device === disk.device);
      if (now?.verdict === disk.verdict) {
        return { marked: now.verdict !== 'proposed', claimed: 'claimed' in now && now.claimed };
      }
      const reason = now === undefined ? ['it is gone'] : 'findings' in now ? now.findings : [`it is a ${now.verdict}`];
      throw new Failure('precondition', `${disk.device} is no longer ${disk.verdict}: ${reason.join('; ')}`);
    },
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
async function physicalVolumes(
  config: Config,
  command: CommandOptions,
  { roots }: DiskProbe,
): Promise<PhysicalVolumeReport> {
  const rules = config.pools.flatMap((spec) => spec.disks ?? []);
  const matches = await Promise.all(rules.map((rule) => discover(rule, roots)));
  const devices = matches.flatMap(({ disks }) => disks.map(({ device }) => device));
  return listPhysicalVolumes(command, join(config.lvm.directory, 'candidates'), [...new Set(devices)]);
}
