import { Failure } from '../domain/errors.ts';
import { type NodeName, parseNodeName, parseVolumeId, type VgName, type VolumeId } from '../domain/ids.ts';
import type { PoolSpec } from '../domain/pool.ts';
import type { VgRecord } from './records.ts';
import { tag, valuesOf } from './tags.ts';

/** Records that a volume was given to another node: a tag on the volume group that it was in. */
export interface Given {
  readonly id: VolumeId;
  readonly to: NodeName;
}

/** A record, with the group that has the tag. */
export interface GivenFrom extends Given {
  readonly group: VgName;
}

/** Whether a record on this node says that another node has a volume that was born here. */
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

/** The records among a group's tags, in the order of LVM. Unreadable ones are left out. */
export function parseGiven(tags: string): Given[] {
  return valuesOf(tags, 'given').flatMap((text) => {
    const slash = text.lastIndexOf('/');
    const [id, to] = [parseVolumeId(text.slice(0, slash)), parseNodeName(text.slice(slash + 1))];
    return id && to ? [{ id: id.id, to }] : [];
  });
}

/** The records of volumes that were born on this node. Quarry never writes two for one id, but an administrator may. */
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

/** Throws `precondition` if there are several: nothing says which is right. */
export function onlyRecord(id: VolumeId, records: readonly GivenFrom[]): GivenFrom | undefined {
  if (records.length <= 1) return records[0];
  throw new Failure(
    'precondition',
    `several volume groups record where volume ${id} is: ${records.map(({ group, to }) => `${group} (${to})`).join(', ')}. Remove the tag quarry.given from the wrong ones`,
  );
}
