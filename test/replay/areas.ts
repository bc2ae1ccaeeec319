import type { Entry } from './log-format.ts';

/** Sectors of an area: the unit in which writes and reads are compared, and that of the overlays. */
export const areaSectors = 8;
/** Areas without a write between two with one that are counted with them: each region costs a program for each cut. */
const widestGap = 2048;

/** Numbers of the areas that a write touches. */
export function areasOf({ kind, sector, sectors }: Entry): number[] {
  if (kind !== 'write' || sectors === 0) return [];
  const [first, last] = [sector, sector + sectors - 1].map((at) => Math.floor(at / areaSectors)) as [number, number];
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** In areas. */
export interface Region {
  readonly first: number;
  readonly length: number;
}

/** The fewest regions that have all these areas without a wide gap. */
export function regionsOf(areas: Iterable<number>): Region[] {
  const regions: { first: number; length: number }[] = [];
  for (const area of [...new Set(areas)].toSorted((one, other) => one - other)) {
    const last = regions.at(-1);
    if (last && area - (last.first + last.length) <= widestGap) last.length = area - last.first + 1;
    else regions.push({ first: area, length: 1 });
  }
  return regions;
}
