import type { Bytes } from '../domain/bytes.ts';
import type { GroupState, GroupStates } from '../domain/groups.ts';
import type { PoolName, VgName } from '../domain/ids.ts';
import { deviceMark, type PoolSpec } from '../domain/pool.ts';
import { type DiskProbe, proveBlank, proveOurs } from './blank.ts';
import { type Disk, discover } from './discover.ts';
import type { Joining } from './joining.ts';

export interface PhysicalVolume {
  /** In LVM's format, with dashes. */
  readonly uuid: string;
  /** Absent: in no group. */
  readonly group?: VgName | undefined;
  readonly groupUuid?: string | undefined;
  /** LVM's count of the changes of the group. */
  readonly groupSequence?: number | undefined;
  /** The label says that a group uses the device, but LVM finds no such group. */
  readonly claimed?: boolean | undefined;
}

/** LVM's report on devices, by their real path. */
export interface PhysicalVolumes {
  readonly found: ReadonlyMap<string, PhysicalVolume>;
  /** Why LVM could not report on a device; it may be a physical volume. */
  readonly problems: ReadonlyMap<string, string>;
  /** The state of each pool's group. */
  readonly groups: GroupStates;
}

interface Facts {
  readonly pool: PoolSpec;
  /** The real path, such as `/dev/sda`. */
  readonly device: string;
  /** The path that the pool's rule matched. */
  readonly path: string;
}

interface Marked {
  readonly size: Bytes;
  readonly disk: Disk;
  /** LVM adds it to a group only after its label was written again. */
  readonly claimed: boolean;
}

/**
 * - `member`       a physical volume of the pool's group
 * - `proposed`     proven blank: taken once it is approved, after another proof
 * - `interrupted`  has our mark and was never in a group: adding it is continued
 * - `returned`     has our mark, was a member of a group and is in none: taken only if an administrator names it
 * - `refused`      never touched; `findings` has all reasons
 */
export type Candidate = Facts &
  (
    | { readonly verdict: 'member' | 'proposed'; readonly size: Bytes; readonly disk: Disk }
    | ({ readonly verdict: 'interrupted' } & Marked)
    | ({ readonly verdict: 'returned'; readonly findings: readonly string[] } & Marked)
    /** `size` is absent if the kernel does not describe the device. */
    | { readonly verdict: 'refused'; readonly size?: Bytes; readonly findings: readonly string[] }
  );

/**
 * Every disk that the pools' rules match, once for each pool that matches it, in the order of the pools. A disk that two pools
 * match, or that has two devices, is refused, because the intended one is unknown. With `only`, checks the device of that path alone.
 */
export async function findCandidates(
  pools: readonly PoolSpec[],
  volumes: PhysicalVolumes,
  probe: DiskProbe,
  { only, signal }: { readonly only?: string | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<Candidate[]> {
  const matches: { pool: PoolSpec; disk: Disk }[] = [];
  const unreadable: Candidate[] = [];
  for (const pool of pools) {
    if (!pool.disks) continue;
    const found = await discover(pool.disks, probe.roots);
    matches.push(...found.disks.map((disk) => ({ pool, disk })));
    unreadable.push(
      ...found.unreadable.map(({ problem, ...device }) => refuse({ pool, ...device }, undefined, [problem])),
    );
  }
  const classify = createClassifier(pools, matches, volumes, probe);
  const wanted = matches.filter(({ disk }) => only === undefined || disk.device === only);
  const classified = await Promise.all(wanted.map(({ pool, disk }) => classify(pool, disk, signal)));
  const order = (candidate: Candidate) => pools.indexOf(candidate.pool);
  return [...classified, ...unreadable].sort((a, b) => order(a) - order(b));
}

function createClassifier(
  pools: readonly PoolSpec[],
  matches: readonly { pool: PoolSpec; disk: Disk }[],
  volumes: PhysicalVolumes,
  probe: DiskProbe,
) {
  return async (pool: PoolSpec, disk: Disk, signal?: AbortSignal): Promise<Candidate> => {
    const facts = { pool, device: disk.device, path: disk.path };
    const volume = volumes.found.get(disk.device);
    const problem = volumes.problems.get(disk.device);
    if (problem !== undefined) return refuse(facts, disk.size, [`LVM cannot read it: ${problem}`]);
    const known = volumes.groups.get(pool.group);
    if (volume?.group === pool.group) {
      const isMember = known === undefined || (known.state === 'present' && known.uuid === volume.groupUuid);
      if (!isMember) return refuse(facts, disk.size, [describeOther(pool, volume, known)]);
      return { ...facts, verdict: 'member', size: disk.size, disk };
    }
    if (volume?.group) return refuse(facts, disk.size, [describeOwner(volume.group, pools)]);
    if (known?.state === 'away') return refuse(facts, disk.size, [`nothing is taken for its pool: ${known.reason}`]);
    const claims = [...findRivals(disk, matches), ...findTwins(disk, matches)];
    if (claims.length > 0) return refuse(facts, disk.size, claims);
    if (volume?.uuid.startsWith(`${deviceMark}-`)) {
      const marked = { ...facts, size: disk.size, disk, claimed: volume.claimed ?? false };
      return classifyMarked(marked, { uuid: volume.uuid, joining: joiningOf(pool, volumes) }, probe, signal);
    }
    const proof = await proveBlank(disk, probe, signal);
    const findings = [
      ...(volume ? [`it is a physical volume of no volume group (uuid ${volume.uuid}), not made by Quarry`] : []),
      ...(proof.blank ? [] : proof.findings),
    ];
    if (findings.length > 0) return refuse(facts, disk.size, findings);
    return { ...facts, verdict: 'proposed', size: disk.size, disk };
  };
}

async function classifyMarked(
  facts: Facts & Marked,
  mark: { readonly uuid: string; readonly joining: Joining | undefined },
  probe: DiskProbe,
  signal?: AbortSignal,
): Promise<Candidate> {
  const remains = await proveOurs(facts.disk, mark, probe, signal);
  switch (remains.state) {
    case 'interrupted':
      return { ...facts, verdict: 'interrupted' };
    case 'returned':
      return { ...facts, verdict: 'returned', findings: [wasMember, ...remains.traces] };
    case 'refused':
      return refuse(facts, facts.size, remains.findings);
  }
}

/** `undefined` if the state of the pool's group is not known. */
function joiningOf({ group }: PoolSpec, { found, groups }: PhysicalVolumes): Joining | undefined {
  const known = groups.get(group);
  if (known?.state === 'none') return { group };
  if (known?.state !== 'present') return undefined;
  const member = [...found.values()].find((volume) => volume.group === group && volume.groupUuid === known.uuid);
  const sequence = member?.groupSequence;
  return sequence === undefined ? undefined : { group, committed: { uuid: known.uuid, sequence } };
}

const wasMember = 'it was a member of a volume group and is in none now; to take it again, approve it by its name';

function refuse(facts: Facts, size: Bytes | undefined, findings: readonly string[]): Candidate {
  return { ...facts, verdict: 'refused', ...(size === undefined ? {} : { size }), findings };
}

function describeOther({ group }: PoolSpec, { groupUuid = '' }: PhysicalVolume, known: GroupState): string {
  const other = `it belongs to a volume group named ${group} with UUID ${groupUuid}`;
  if (known.state === 'away') return `${other}: ${known.reason}`;
  return `${other}${known.state === 'present' ? `, and the group of this pool has UUID ${known.uuid}` : ''}`;
}

function describeOwner(group: VgName, pools: readonly PoolSpec[]): string {
  const owner: PoolName | undefined = pools.find((pool) => pool.group === group)?.name;
  return `it belongs to the volume group ${group}${owner === undefined ? '' : ` of pool ${owner}`}`;
}

function findRivals(disk: Disk, matches: readonly { pool: PoolSpec; disk: Disk }[]): string[] {
  const names = matches.filter((match) => match.disk.device === disk.device).map((match) => match.pool.name);
  return names.length < 2 ? [] : [`the rules of several pools match it: ${names.join(', ')}`];
}

/** Two paths to one disk without multipath: a second `pvcreate` would overwrite the first. */
function findTwins(disk: Disk, matches: readonly { pool: PoolSpec; disk: Disk }[]): string[] {
  if (disk.wwid === undefined) return [];
  const twins = matches
    .filter((match) => match.disk.wwid === disk.wwid && match.disk.device !== disk.device)
    .map((match) => match.disk.device);
  const others = [...new Set(twins)];
  return others.length === 0 ? [] : [`${others.join(', ')} is the same disk by another path (wwid ${disk.wwid})`];
}
