import type { Content } from '../../domain/filesystems.ts';
import { type NodeName, parseVolumeId, volumeIdFor } from '../../domain/ids.ts';
import { type PersistentVolumeRecord, printRecord } from '../../domain/persistent-volume.ts';
import type { PoolSpec } from '../../domain/pool.ts';
import type { Inventory } from '../../domain/storage.ts';
import type { Volume, VolumeUse } from '../../domain/volume.ts';
import type { ForeignShape } from '../../lvm/adoption.ts';
import type { LvRecord } from '../../lvm/records.ts';
import { unsuitable } from './unsuitable.ts';

/** A logical volume that may become a volume. */
export interface Candidate extends ForeignShape {
  readonly record: LvRecord;
  /** The pool that has its group. */
  readonly spec: PoolSpec;
  /** Of this node. */
  readonly inventory: Pick<Inventory, 'volumes' | 'given' | 'unready'>;
  /** The thin pool of the pool. */
  readonly thinPool: string;
  /** `undefined`: it is not active, so nobody can look. */
  readonly content: Content | undefined;
}

/** The PersistentVolume that it has now. */
export interface Former {
  readonly record: PersistentVolumeRecord;
  /** The volume that it names: a volume handle, or a path. */
  readonly of: string;
}

export interface Adoption {
  readonly volume: Volume;
  readonly record: PersistentVolumeRecord;
  /** The tags are there already. */
  readonly done: boolean;
}

const legalName = /^[a-z0-9](?:[-a-z0-9.]{0,126}[a-z0-9])?$/;

/** The logical volume as a volume, or every reason why it cannot be one. */
export function planAdoption(
  candidate: Candidate,
  former: Former | undefined,
  { node, name: given }: { readonly node: NodeName; readonly name: string | undefined },
): Adoption | readonly string[] {
  const { record: lv, layout } = candidate;
  const name = given ?? (former ? `${former.record.name}-quarry` : lv.lv);
  const id = volumeIdFor(node, lv.lv);
  const done = lv.tags.get('role') === 'volume' && lv.tags.get('id') === id && lv.tags.get('name') === name;
  const use = done ? lv.tags.get('fs') : useOf(candidate, former);
  const problems = [
    ...(legalName.test(name) ? [] : [`"${name}" is no name of a PersistentVolume: give --name`]),
    ...(parseVolumeId(id) ? [] : ['its name is too long: rename it with lvrename']),
    ...(done ? [] : [...unsuitable(candidate), ...taken(candidate.inventory, id, name)]),
    ...(former ? refusals(former, lv) : []),
    ...(typeof use === 'object' ? [use.problem] : []),
    ...(typeof layout === 'string' ? [layout] : []),
  ];
  if (problems.length > 0 || typeof use === 'object' || typeof layout === 'string') return problems;
  const record = former ? { ...former.record, name } : recordFor(name, use as VolumeUse);
  return { volume: volumeOf(candidate, { id, node, name, layout, use: use as VolumeUse, record }), record, done };
}

interface Parts extends Pick<Volume, 'id' | 'node' | 'name' | 'layout'> {
  readonly use: VolumeUse;
  readonly record: PersistentVolumeRecord;
}

function volumeOf({ record: lv, spec }: Candidate, { use, record, ...parts }: Parts): Volume {
  return {
    ...parts,
    pool: spec.name,
    group: lv.group,
    lv: lv.lv,
    size: lv.size,
    filesystem: use,
    mkfsOptions: [],
    qos: { limits: {}, reservations: {}, enforcement: 'report' },
    state: 'ready',
    persistentVolume: printRecord(record),
  };
}

/** Another volume of the node may have the id, from another group, or the name. */
function taken({ volumes, given }: Candidate['inventory'], id: Volume['id'], name: string): string[] {
  const same = volumes.get(id);
  const named = [...volumes.values()].find((volume) => volume.name === name && volume.id !== id);
  return [
    ...(same ? [`${same.group}/${same.lv} is the volume ${id}: rename this one with lvrename`] : []),
    ...(given.has(id) ? [`the volume ${id} was given to another node: rename this one with lvrename`] : []),
    ...(named ? [`the volume ${named.id} has the name ${name}: give --name`] : []),
  ];
}

/** Its driver must not delete it when its PersistentVolume goes. */
function refusals({ record, of }: Former, { group, lv }: LvRecord): string[] {
  const { name, reclaimPolicy } = record;
  const patch = '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}';
  const known = [lv, `/dev/${group}/${lv}`];
  return [
    ...(known.includes(of) ? [] : [`the PersistentVolume ${name} is of ${of}, and not of this logical volume`]),
    ...(reclaimPolicy === 'Retain'
      ? []
      : [`the PersistentVolume ${name} has the policy ${reclaimPolicy}: kubectl patch pv ${name} -p '${patch}'`]),
  ];
}

/** How it was first used. Only a filesystem that is there is recorded: Quarry makes none over other data. */
function useOf({ content, record: lv }: Candidate, former: Former | undefined): VolumeUse | { problem: string } {
  if (former?.record.volumeMode === 'Block' || content === undefined) return 'block';
  if (content.holds !== 'filesystem') {
    if (!former) return 'block';
    return {
      problem: `it has no ext4, xfs or btrfs, but ${content.holds === 'nothing' ? 'no signature' : content.name}`,
    };
  }
  const { type, size } = content;
  const wanted = former?.record.fsType;
  if (size > lv.size) return { problem: `its ${type} has ${size} bytes, more than its ${lv.size}: lvextend it` };
  if (wanted === undefined || wanted === '' || wanted === type) return type;
  return { problem: `it has ${type}, and its PersistentVolume says ${wanted}` };
}

function recordFor(name: string, use: VolumeUse): PersistentVolumeRecord {
  return {
    name,
    reclaimPolicy: 'Retain',
    accessModes: ['ReadWriteOnce'],
    volumeMode: use === 'block' ? 'Block' : 'Filesystem',
    fsType: use === 'block' ? undefined : use,
    mountOptions: [],
  };
}
