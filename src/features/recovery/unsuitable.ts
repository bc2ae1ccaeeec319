import { raidPartOf } from '../../lvm/names.ts';
import type { Candidate } from './adoption.ts';

/** Why Quarry cannot serve the logical volume as it is now, each with the remedy if there is one. */
export function unsuitable(candidate: Candidate): string[] {
  const { record: lv, spec, inventory, thinPool, layout, skipsActivation } = candidate;
  const place = `${lv.group}/${lv.lv}`;
  const unready = inventory.unready.get(spec.name);
  const thin = typeof layout === 'object' && layout.type === 'thin';
  const checks: readonly (readonly [boolean, string])[] = [
    [unready !== undefined, `pool ${spec.name} cannot serve: ${unready}`],
    [lv.tags.size > 0 || lv.erasing !== undefined, 'it is of Quarry already'],
    [
      lv.lv.startsWith('q-') || lv.lv.startsWith('snap-'),
      'Quarry has another use for such a name: rename it with lvrename',
    ],
    [lv.isThinPool, 'it is a thin pool'],
    [lv.thickSnapshot !== undefined, 'it is a snapshot'],
    [lv.isThickOrigin, 'it has thick snapshots: remove them first'],
    [raidPartOf(lv.lv) !== undefined, 'it is a part of a mirrored volume'],
    [lv.readOnly === true, `it is read-only: lvchange -p rw ${place}`],
    [lv.health === 'partial', 'a disk of it is missing'],
    [skipsActivation, `LVM is to pass it by when it activates volumes: lvchange -k n ${place}`],
    [!lv.active, `it is not active, so its content is not known: lvchange -a y -K ${place}`],
    [lv.open, 'it is in use: stop its pods, and unmount it'],
    [
      thin && (!spec.thin || lv.thinPool !== thinPool),
      `its thin pool ${lv.thinPool} is not that of pool ${spec.name}${spec.thin ? `, which is ${thinPool}` : ', whose type is thick'}`,
    ],
  ];
  return checks.filter(([applies]) => applies).map(([, reason]) => reason);
}
