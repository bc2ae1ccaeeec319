import { kindOf, type Volume } from './model.ts';
import type { Observation } from './observe.ts';
import { membersOf } from './snapshots.ts';
import { snapshotLvNameFor } from '../../src/lvm/names.ts';

/** Acknowledged snapshots that are gone or changed, and deleted ones that are there. */
export function lossesOfSnapshots(snapshot: Volume, seen: Observation): string[] {
  const { name, possible } = snapshot;
  if (possible.exists.length > 1) return [];
  if (possible.exists[0] === false) {
    const lv = kindOf(snapshot) === 'snapshot' ? snapshotLvNameFor(name) : '';
    return [
      ...(seen.snapshots.has(lv) ? [`${name} was deleted, and is listed`] : []),
      ...(lvNames(seen).has(lv) ? [`${name} was deleted, and LVM still has it`] : []),
    ];
  }
  return membersOf(snapshot).flatMap(({ lv, frozen }) => {
    const what = `${name}, ${lv} of ${frozen.source}`;
    const listed = seen.snapshots.get(lv);
    if (!listed) return [`${what} is not listed`];
    const { ready, bytes, source } = listed;
    const problems: string[] = [];
    if (!lvNames(seen).has(lv)) problems.push(`${what} is listed without a logical volume`);
    if (!ready) problems.push(`${what} is not ready to use`);
    if (bytes !== frozen.size) problems.push(`${what}: the size listed is ${bytes}, not ${frozen.size}`);
    if (source !== frozen.source) problems.push(`${what} is listed as one of ${source}`);
    return problems;
  });
}

/** Snapshots that belong to none of the model's, and group snapshots that are there in part. */
export function snapshotLeaks(all: readonly Volume[], seen: Observation): string[] {
  const there = all.filter(({ possible }) => possible.exists.includes(true)).map(membersOf);
  const expected = new Set(there.flat().map(({ lv }) => lv));
  const names = lvNames(seen);
  return [
    ...[...seen.snapshots.keys()]
      .filter((lv) => !expected.has(lv))
      .map((lv) => `${lv} is listed and belongs to no snapshot`),
    ...[...expected]
      .filter((lv) => seen.snapshots.has(lv) !== names.has(lv))
      .map((lv) => `LVM and ListSnapshots differ on ${lv}`),
    ...there
      .filter((members) => new Set(members.map(({ lv }) => names.has(lv))).size > 1)
      .map((members) => `of a group snapshot only a part is there: ${members.map(({ lv }) => lv).join(', ')}`),
  ];
}

function lvNames({ logicalVolumes }: Observation): Set<string> {
  return new Set(logicalVolumes.map(({ name }) => name));
}
