import type { LvName } from '../../domain/ids.ts';

/** Extents of a logical volume, one after the other on one disk. */
export interface Segment {
  /** As `PvRecord` names it. */
  readonly device: string;
  /** Of the physical volume: several missing disks have one name. */
  readonly uuid: string;
  readonly start: number;
  readonly extents: number;
  /** Hidden logical volumes without their brackets. */
  readonly lv: LvName;
  /** Neighbouring parts of the logical volume are on different disks. */
  readonly striped: boolean;
}

/** Extents of one disk that move to another one. */
export interface Move {
  /** Of a copy of a mirror: the mirror. */
  readonly lv: LvName;
  readonly ranges: readonly { readonly start: number; readonly extents: number }[];
  /** In all. */
  readonly extents: number;
  readonly to: string;
  /** It is a copy of a mirror, which cannot be divided. */
  readonly mirror: boolean;
}

export interface Plan {
  readonly moves: readonly Move[];
  /** Extents of each logical volume that no other disk has room for. */
  readonly lacking: ReadonlyMap<LvName, number>;
}

/** Segments that move together, or a single one that may be divided. */
type Unit = Pick<Move, 'lv' | 'ranges' | 'extents' | 'mirror'> & { readonly striped: boolean };

/**
 * Chooses a place for everything on a disk. A copy of a mirror never comes to a disk with another part of the mirror (LVM refuses that, even for a
 * part of the same copy), nor a stripe to a disk with another stripe. Units that few disks may hold choose first; a cleverer order might fit
 * where this one does not.
 *
 * @param free extents of each disk that may be allocated from
 */
export function planMoves(segments: readonly Segment[], leaving: string, free: ReadonlyMap<string, number>): Plan {
  const room = new Map([...free].filter(([device]) => device !== leaving));
  const holders = new Map<string, Set<LvName>>();
  for (const { device, lv } of segments) {
    if (device !== leaving) holders.set(device, new Set([...(holders.get(device) ?? []), wholeOf(lv)]));
  }
  const mayHold = (device: string, { lv, mirror, striped }: Unit): boolean =>
    !(mirror || striped) || !holders.get(device)?.has(lv);
  const placesOf = (unit: Unit): string[] => [...room.keys()].filter((device) => mayHold(device, unit));
  const choices = (unit: Unit): number => placesOf(unit).reduce((sum, device) => sum + (room.get(device) ?? 0), 0);
  const units = unitsOn(segments, leaving).map((unit) => ({ unit, choices: choices(unit) }));
  const moves: Move[] = [];
  const lacking = new Map<LvName, number>();
  for (const { unit } of units.toSorted((one, other) => one.choices - other.choices)) {
    const emptiest = placesOf(unit).toSorted((one, other) => (room.get(other) ?? 0) - (room.get(one) ?? 0));
    const { parts, left } = divide(unit, emptiest, room);
    for (const part of parts) {
      moves.push(part);
      room.set(part.to, (room.get(part.to) ?? 0) - part.extents);
      holders.set(part.to, new Set([...(holders.get(part.to) ?? []), part.lv]));
    }
    if (left > 0) lacking.set(unit.lv, (lacking.get(unit.lv) ?? 0) + left);
  }
  return { moves, lacking };
}

/** What stays free on each disk when everything has moved from these disks, as far as there is room. */
export function freeAfter(
  segments: readonly Segment[],
  leaving: readonly string[],
  free: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const left = new Map(free);
  for (const device of leaving) {
    for (const { to, extents } of planMoves(segments, device, left).moves) left.set(to, (left.get(to) ?? 0) - extents);
  }
  return left;
}

function unitsOn(segments: readonly Segment[], leaving: string): Unit[] {
  const units = new Map<string, Unit>();
  for (const { device, lv, start, extents, striped } of segments) {
    if (device !== leaving) continue;
    const leg = legOf(lv);
    const key = leg ? `${leg.whole}/${leg.index}` : `${start}`;
    const known = units.get(key);
    units.set(key, {
      lv: wholeOf(lv),
      ranges: [...(known?.ranges ?? []), { start, extents }],
      extents: (known?.extents ?? 0) + extents,
      mirror: leg !== undefined,
      striped,
    });
  }
  return [...units.values()];
}

/** Places the unit on these disks, the emptiest of which comes first. */
function divide({ lv, ranges, extents, mirror }: Unit, disks: readonly string[], room: ReadonlyMap<string, number>) {
  // The fullest that has room: as long as the disk gets piece after piece of the unit, it stays the fullest, and the unit stays in one piece.
  const fitting = disks.findLast((device) => (room.get(device) ?? 0) >= extents);
  if (fitting !== undefined) return { parts: [{ lv, ranges, extents, to: fitting, mirror }], left: 0 };
  const [first] = ranges;
  if (mirror || !first) return { parts: [], left: extents };
  const parts: Move[] = [];
  let { start, extents: left } = first;
  for (const to of disks) {
    const count = Math.min(left, room.get(to) ?? 0);
    if (count === 0) continue;
    parts.push({ lv, ranges: [{ start, extents: count }], extents: count, to, mirror });
    start += count;
    left -= count;
  }
  return { parts, left };
}

/** The beginning of a move that may be divided. */
export function beginningOf(move: Move, extents: number): Move {
  const [first] = move.ranges;
  if (move.mirror || !first || extents >= move.extents) return move;
  return { ...move, ranges: [{ start: first.start, extents }], extents };
}

function wholeOf(lv: LvName): LvName {
  return legOf(lv)?.whole ?? lv;
}

/** The copy or stripe that a part of a mirrored logical volume belongs to. */
function legOf(lv: LvName): { readonly whole: LvName; readonly index: string } | undefined {
  const [, whole, index] = /^(.+)_r(?:meta|image)_(\d+)$/.exec(lv) ?? [];
  return whole === undefined || index === undefined ? undefined : { whole: whole as LvName, index };
}
