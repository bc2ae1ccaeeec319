import { Failure } from '../domain/errors.ts';
import type { Inability } from '../domain/encryption.ts';
import type { GroupStates } from '../domain/groups.ts';
import type { NodeName, PoolName, SnapshotId, VgName, VolumeId } from '../domain/ids.ts';
import type { Pool, PoolSpec } from '../domain/pool.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Inventory } from '../domain/storage.ts';
import type { Volume } from '../domain/volume.ts';
import { listAll } from './arguments.ts';
import { claimsOf, uncontested } from './claims.ts';
import { lvmFailure } from './failures.ts';
import { givenFrom } from './given.ts';
import type { Lvm } from './process/lvm.ts';
import { decodeLv, decodePv, decodeVg, type LvRecord, type PvRecord, type VgRecord } from './records.ts';
import { toVolume } from './volume-records.ts';
import { toSnapshot } from './snapshots/snapshot-records.ts';
import { spaceOf, thinPoolProblem } from './thin-pool.ts';

/** LVM's state of groups, devices and volumes. */
export interface LvmReport {
  readonly volumes: readonly LvRecord[];
  readonly groups: readonly VgRecord[];
  readonly devices: readonly PvRecord[];
}

/** Throws `unavailable` unless the report succeeded. */
export async function readReport(lvm: Pick<Lvm, 'report'>): Promise<LvmReport> {
  const answer = await lvm.report(listAll);
  if (!answer.ok) throw new Failure('unavailable', lvmFailure('fullreport failed', answer.messages).message);
  const rowsWith = (field: string) => answer.rows.filter((row) => row[field] !== undefined);
  return {
    volumes: rowsWith('lv_name').map(decodeLv),
    groups: rowsWith('vg_size').map(decodeVg),
    devices: rowsWith('pv_name').map(decodePv),
  };
}

/** The report without groups that have the name of a pool's group and another UUID. */
export function ofKnownGroups(report: LvmReport, states: GroupStates): LvmReport {
  const ours = (group: VgName | undefined, uuid: string) => {
    const known = group === undefined ? undefined : states.get(group);
    return known === undefined || known.state === 'none' || (known.state === 'present' && known.uuid === uuid);
  };
  return {
    volumes: report.volumes.filter(({ group, groupUuid }) => ours(group, groupUuid)),
    groups: report.groups.filter(({ group, uuid }) => ours(group, uuid)),
    devices: report.devices.filter(({ group, groupUuid }) => ours(group, groupUuid)),
  };
}

/** Why a group that the report does not show may come back; `undefined` if it never existed. */
export function whyAway(group: VgName, states: GroupStates): string | undefined {
  const known = states.get(group);
  switch (known?.state) {
    case undefined:
      return `volume group ${group} was not identified yet`;
    case 'present':
      return `LVM no longer sees volume group ${group} (UUID ${known.uuid}): its disks are missing, or their metadata cannot be read (the kernel's log says why); bring them back`;
    case 'away':
    case 'stuck':
      return known.reason;
    case 'none':
      return undefined;
  }
}

/** The thin pool of a group: the one with our tag, else the only one (of a group that Quarry did not create). */
export function thinPoolOf(report: LvmReport, group: VgName): LvRecord | undefined {
  const pools = report.volumes.filter((lv) => lv.group === group && lv.isThinPool);
  return pools.find((lv) => lv.tags.get('role') === 'thin-pool') ?? (pools.length === 1 ? pools[0] : undefined);
}

function toPool(spec: PoolSpec, vg: VgRecord, report: LvmReport): Pool {
  const thin = spec.thin && thinPoolOf(report, spec.group);
  const problem = thin && thinPoolProblem(thin);
  const inPool = report.volumes.filter(
    (lv) => thin !== undefined && lv.group === spec.group && lv.thinPool === thin.lv,
  );
  return {
    spec,
    ...spaceOf(vg, report.devices),
    metadata: vg.metadata,
    thin: thin && {
      size: thin.size,
      promised: inPool.reduce((sum, lv) => sum + lv.size, 0n),
      dataPercent: thin.dataPercent,
      metadataPercent: thin.metadataPercent,
      ...(problem !== undefined && { problem }),
    },
  };
}

/** What is known of the node beyond LVM's report. */
interface Known {
  readonly suspended: ReadonlyMap<PoolName, string>;
  readonly states: GroupStates;
  readonly inability: Inability;
}

/** The inventory of a report, without what is wrong with it. Suspended pools, and pools whose group or thin pool is missing, are unready, with the reason. */
export function toInventory(
  node: NodeName,
  specs: readonly PoolSpec[],
  report: LvmReport,
  { suspended, states, inability }: Known,
  reportedAt: number,
): Omit<Inventory, 'health'> {
  const problems = { encryptionProblem: inability.encryption, integrityProblem: inability.integrity };
  const pools = new Map<PoolName, Pool>();
  const unready = new Map<PoolName, string>();
  for (const spec of specs) {
    const vg = report.groups.find((group) => group.group === spec.group);
    const problem = suspended.get(spec.name) ?? poolProblem(spec, vg, report, states);
    if (problem !== undefined) unready.set(spec.name, problem);
    if (vg && problem === undefined) pools.set(spec.name, { ...toPool(spec, vg, report), ...problems });
  }
  const volumes = uncontested(volumeClaims(node, specs, report));
  const snapshots = uncontested(snapshotClaims(node, specs, report));
  const given = new Map<VolumeId, NodeName>();
  for (const [id, [record, another]] of givenFrom(node, specs, report.groups))
    if (record && !another) given.set(id, record.to);
  return { pools, volumes, snapshots, given, unready, reportedAt, defaultPool: specs[0]?.name };
}

/** Ids that several logical volumes claim, with their paths. An administrator has to decide which of them is the volume. */
export function contestedIds(
  node: NodeName,
  specs: readonly PoolSpec[],
  report: LvmReport,
): ReadonlyMap<VolumeId | SnapshotId, readonly string[]> {
  const all = [...volumeClaims(node, specs, report), ...snapshotClaims(node, specs, report)];
  const contested = all.filter(([, claims]) => claims.length > 1);
  return new Map(contested.map(([id, claims]) => [id, claims.map(({ group, lv }) => `${group}/${lv}`)]));
}

const volumeClaims = (node: NodeName, specs: readonly PoolSpec[], { volumes }: LvmReport): Map<VolumeId, Volume[]> =>
  claimsOf(specs, volumes, (record, pool) => toVolume(record, pool, node));

const snapshotClaims = (
  node: NodeName,
  specs: readonly PoolSpec[],
  { volumes }: LvmReport,
): Map<SnapshotId, Snapshot[]> => claimsOf(specs, volumes, (record, pool) => toSnapshot(record, pool, node));

function poolProblem(
  spec: PoolSpec,
  vg: VgRecord | undefined,
  report: LvmReport,
  states: GroupStates,
): string | undefined {
  const away = vg ? undefined : whyAway(spec.group, states);
  if (away !== undefined) return away;
  if (!vg) return `volume group ${spec.group} does not exist yet: no disk was taken for it ("quarry disks" shows why)`;
  if (vg.missingDevices > 0) {
    return `volume group ${spec.group} lacks ${vg.missingDevices} of its disks: LVM creates and extends nothing in it until they are back, or nothing lies on them ("quarry jobs" shows the repair of mirrors)`;
  }
  if (spec.thin && !thinPoolOf(report, spec.group)) return `volume group ${spec.group} has no thin pool yet`;
  return undefined;
}
