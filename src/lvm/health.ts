import type { Condition, Health, StorageReasonName } from '../domain/health.ts';
import type { GroupStates } from '../domain/groups.ts';
import type { PoolName } from '../domain/ids.ts';
import type { PoolSpec, ThinSpec } from '../domain/pool.ts';
import { type LvmReport, thinPoolOf, whyAway } from './inventory.ts';
import { parseLayout } from './layout.ts';
import type { LvRecord, VgRecord } from './records.ts';
import { roleOf } from './volume-records.ts';
import { thinPoolCondition } from './thin-pool.ts';

/** Why pools are not ready, and which groups are known. */
interface Known {
  readonly unready: ReadonlyMap<PoolName, string>;
  readonly states: GroupStates;
}

/** What is wrong with pools and volumes according to LVM's report. */
export function healthIn(specs: readonly PoolSpec[], report: LvmReport, known: Known): Health {
  const health = new Map<string, Condition[]>();
  const put = (key: string, conditions: Condition[]): void => {
    if (conditions.length > 0) health.set(key, conditions);
  };
  for (const spec of specs) {
    put(spec.name, poolConditions(spec, report, known));
    for (const record of report.volumes) {
      const id = record.group === spec.group && roleOf(record) === 'volume' ? record.tags.get('id') : undefined;
      if (id !== undefined) put(id, volumeConditions(record, spec, report));
    }
  }
  return health;
}

function poolConditions(spec: PoolSpec, report: LvmReport, { unready, states }: Known): Condition[] {
  const found: Condition[] = [];
  const problem = unready.get(spec.name);
  const vg = report.groups.find(({ group }) => group === spec.group);
  if (problem !== undefined) {
    found.push({ reason: reasonOf(spec, vg, states), message: problem });
  }
  const thinPool = spec.thin && thinPoolOf(report, spec.group);
  if (spec.thin && thinPool) found.push(...thinConditions(spec.name, spec.thin, thinPool));
  const overfull = report.volumes.filter(({ group, thickSnapshot }) => group === spec.group && thickSnapshot?.overfull);
  if (overfull.length > 0) {
    const names = overfull.slice(0, shown).map(({ group, lv }) => `${group}/${lv}`);
    found.push({
      reason: 'SnapshotOverfull',
      message: `${overfull.length} thick snapshots are overfull, or their disk has failed, such as ${names.join(', ')}: delete them`,
    });
  }
  return found;
}

function reasonOf({ group }: PoolSpec, vg: VgRecord | undefined, states: GroupStates): StorageReasonName {
  if (!vg && states.get(group)?.state === 'stuck') return 'VolumeGroupStuck';
  if (!vg && whyAway(group, states) !== undefined) return 'VolumeGroupMissing';
  return (vg?.missingDevices ?? 0) > 0 ? 'VolumeGroupPartial' : 'PoolNotReady';
}

const shown = 3;

function thinConditions(name: PoolName, { refuseAt }: ThinSpec, record: LvRecord): Condition[] {
  const problem = thinPoolCondition(record);
  if (problem) return [problem];
  const at = (used: number): string => `${Math.floor(used)} %; no new volumes from ${refuseAt} %`;
  const found: Condition[] = [];
  if (record.dataPercent >= refuseAt) {
    const message = `the data of thin pool ${name} is full to ${at(record.dataPercent)}: add a disk, delete volumes, or run fstrim`;
    found.push({ reason: 'ThinPoolDataNearFull', message });
  }
  if (record.metadataPercent >= refuseAt) {
    const command = `lvextend --poolmetadatasize +SIZE ${record.group}/${record.lv}`;
    const message = `the metadata of thin pool ${name} is full to ${at(record.metadataPercent)}: enlarge it with "${command}"`;
    found.push({ reason: 'ThinPoolMetadataNearFull', message });
  }
  return found;
}

/** The kernel's names of the work that makes copies equal. */
const resyncing = new Set(['resync', 'recover', 'repair']);

function volumeConditions(record: LvRecord, spec: PoolSpec, report: LvmReport): Condition[] {
  const path = `${record.group}/${record.lv}`;
  const found: Condition[] = [];
  if (record.health === 'partial') found.push(partialCondition(record, spec, report));
  if (record.health === 'refresh needed') {
    const message = `a disk under a copy of ${path} has failed: I/O goes on with the other copies; replace the disk, or once it is well again run "lvchange --refresh ${path}"`;
    found.push({ reason: 'MirrorDegraded', message });
  }
  if (record.health === 'mismatches exist') {
    const message = `copies of ${path} differ: make them equal with "lvchange --syncaction repair ${path}"`;
    found.push({ reason: 'MirrorMismatch', message });
  }
  if (resyncing.has(record.syncAction)) {
    found.push({
      reason: 'MirrorResyncing',
      message: `the copies of ${path} are being made equal (${record.syncAction})`,
    });
  }
  return found;
}

function partialCondition(record: LvRecord, spec: PoolSpec, report: LvmReport): Condition {
  const path = `${record.group}/${record.lv}`;
  const layout = parseLayout(record.tags.get('layout'));
  const copies = layout?.type === 'thick' ? layout.mirrors : layout?.type === 'thin' ? spec.mirrors : 0;
  const missing = report.groups.find(({ group }) => group === record.group)?.missingDevices ?? 0;
  if (copies > 0 && (record.active || missing <= copies)) {
    const message = `a disk under a copy of ${path} is missing: I/O goes on with the other copies; replace the disk`;
    return { reason: 'MirrorDegraded', message };
  }
  const message = `a disk under ${path} is missing, and there is no other copy: bring the disk back, or restore the volume from a backup`;
  return { reason: 'DiskMissing', message };
}
