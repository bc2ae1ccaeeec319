import { type NodeName, snapshotIdFor, type VolumeId } from '../../src/domain/ids.ts';
import { groupSnapshotNames, snapshotLvNameFor } from '../../src/lvm/names.ts';
import { type Frozen, kindOf, type Volume } from './model.ts';
import { idOf } from './site.ts';

const node = 'node-1' as NodeName;

/** A snapshot of one volume: that of a snapshot, or a member of a group snapshot. */
export interface Member {
  /** The name of its logical volume. */
  readonly lv: string;
  readonly id: string;
  readonly frozen: Frozen;
}

/** Those that a name has; none where it does not exist. */
export function membersOf({ name, frozen }: Volume): Member[] {
  const lvOf = (source: string) =>
    kindOf({ name }) === 'group'
      ? groupSnapshotNames(node, name).lvOf(idOf(source) as VolumeId)
      : snapshotLvNameFor(name);
  return frozen.map((one) => {
    const lv = lvOf(one.source);
    return { lv, id: snapshotIdFor(node, lv), frozen: one };
  });
}

/** Room for every write: an overfull snapshot has lost its content. Thin ones need none. */
export const roomy = { snapshotSize: '100%' };

/** The volumes that are neither deleted nor expanded while these snapshots are there. */
export function heldBy(frozen: readonly Frozen[]): string[] {
  return frozen.filter(({ shape }) => shape.type === 'thick').map(({ source }) => source);
}

/** The id of a snapshot of one volume. */
export function snapshotIdOf(name: string): string {
  return snapshotIdFor(node, snapshotLvNameFor(name));
}

export function groupIdOf({ name }: Volume): string {
  return groupSnapshotNames(node, name).id;
}

/** The volumes, each with the thick snapshots that exist of it. */
export function pinned(all: readonly Volume[]): Volume[] {
  const thick = all
    .filter(({ possible }) => possible.exists.includes(true))
    .flatMap(membersOf)
    .filter(({ frozen }) => frozen.shape.type === 'thick');
  return all.map((volume) => {
    const pins = thick.filter(({ frozen }) => frozen.source === volume.name).map(({ id }) => id);
    return { ...volume, pins };
  });
}
