import { setTimeout as delay } from 'node:timers/promises';
import { group, mirrorGroup } from './disks.ts';
import { capacities, type Site } from './site.ts';

/** The room in the groups, in terms that an added disk does not change. */
export interface Room {
  /** Data of both thin pools in use, in per cent as LVM prints it. */
  readonly thinUse: readonly string[];
  /** Free bytes that the driver does not offer for a thick volume. */
  readonly keptBack: number;
  /** Bytes offered for thin volumes, for each byte of the thin pool. */
  readonly overprovision: number;
  /** Bytes that logical volumes other than the thin pool take. */
  readonly taken: number;
}

export async function roomOf(site: Site): Promise<Room> {
  const text = await site.guest.shell(`lvs --noheadings --nosuffix --units b -o data_percent,lv_size ${group}/thinpool
    vgs --noheadings --nosuffix --units b -o vg_size,vg_free ${group}
    lvs --noheadings -o data_percent ${mirrorGroup}/thinpool`);
  const [thinUse = '', thinSize, size, free, mirrorUse = ''] = text.trim().split(/\s+/);
  const { thin, thick } = await capacities(site);
  return {
    thinUse: [thinUse, mirrorUse],
    keptBack: Number(free) - Number(thick),
    overprovision: Number(thin) / Number(thinSize),
    taken: Number(size) - Number(free) - Number(thinSize),
  };
}

/** Compares until it is the same, for half a minute: a deletion may free its space later. */
export async function roomProblems(site: Site, before: Room): Promise<string[]> {
  const until = Date.now() + 30_000;
  for (;;) {
    const now = await roomOf(site);
    if (JSON.stringify(now) === JSON.stringify(before)) return [];
    if (Date.now() > until)
      return [
        `the room of the group was ${JSON.stringify(before)}, and is ${JSON.stringify(now)} after all was deleted`,
      ];
    await delay(200);
  }
}
