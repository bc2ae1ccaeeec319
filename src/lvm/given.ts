import { Failure } from '../domain/errors.ts';
import { type NodeName, parseNodeName, parseVolumeId, type VgName, type VolumeId } from '../domain/ids.ts';
import type { PoolSpec } from '../domain/pool.ts';
import type { VgRecord } from './records.ts';
import { tag, valuesOf } from './tags.ts';

/** That a volume was given to another node: a tag on the volume group that it was in. */
export interface Given {
  readonly id: VolumeId;
  readonly to: NodeName;
}

/** The record with the group that has it. */
export interface GivenFrom extends Given {
  readonly group: VgName;
}

/** Whether a record on this node says that another one has a volume that was born here. */
export function isGivenAway({ id, to }: Given, node: NodeName): boolean {
  return parseVolumeId(id)?.node === node && to !== node;
}

/** The answer for a volume that was given to another node. */
export function elsewhere({ id, to }: Given): Failure {
  return new Failure('elsewhere', `volume ${id} was given to node ${to}`, { node: to });
}

export function givenTag({ id, to }: Given): string {
  return tag('given', `${id}/${to}`);
}

/** The records among the tags of a group, as LVM lists them. What cannot be read is left out. */
export function parseGiven(tags: string): Given[] {
  return valuesOf(tags, 'given').flatMap((text) => {
    const slash = text.lastIndexOf('/');
    const [id, to] = [parseVolumeId(text.slice(0, slash)), parseNodeName(text.slice(slash + 1))];
    return id && to ? [{ id: id.id, to }] : [];
  });
}

/** The records of volumes that were born on this node. Several for one id can only be the work of a person. */
export function givenFrom(
  node: NodeName,
  specs: readonly PoolSpec[],
  groups: readonly VgRecord[],
): Map<VolumeId, GivenFrom[]> {
  const found = new Map<VolumeId, GivenFrom[]>();
  for (const { group, given } of groups.filter((vg) => specs.some((spec) => spec.group === vg.group))) {
    for (const record of given.filter((each) => isGivenAway(each, node))) {
      found.set(record.id, [...(found.get(record.id) ?? []), { ...record, group }]);
    }
  }
  return found;
}
