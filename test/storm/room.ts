import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { group, mirrorGroup } from './disks.ts';
import { capacities, type Site } from './site.ts';

/** The room in the groups, in terms that an added disk does not change. */
export interface Room {
  /** Blocks of both thin pools that the kernel counts as used; 0 while a pool has no volume. */
  readonly thinUse: readonly number[];
  /** Free bytes that the driver does not offer for a thick volume. */
  readonly keptBack: number;
  /** Bytes offered for thin volumes, for each byte of the thin pool. */
  readonly overprovision: number;
  /** Bytes that logical volumes other than the thin pool take. */
  readonly taken: number;
}

export async function roomOf(site: Site): Promise<Room> {
  const text = await site.guest.shell(`lvs --noheadings --nosuffix --units b -o lv_size ${group}/thinpool
    vgs --noheadings --nosuffix --units b -o vg_size,vg_free ${group}
    for pool in ${group} ${mirrorGroup}; do { dmsetup status $pool-thinpool-tpool 2>/dev/null || :; } | awk '{ used = $6 } END { print used + 0 }'; done`);
  const [thinSize, size, free, ...thinUse] = text.trim().split(/\s+/).map(Number);
  const { thin, thick } = await capacities(site);
  return {
    thinUse,
    keptBack: Number(free) - Number(thick),
    overprovision: Number(thin) / Number(thinSize),
    taken: Number(size) - Number(free) - Number(thinSize),
  };
}

/**
 * Blocks that the power cuts of a storm may leave counted as used. They were being allocated, and thin_check gives them back without
 * correcting the kernel's counter (docs/explanation/crashes.md).
 */
const lostAtMost = 128;

/** Compares until it is the same, for two minutes: a deletion may free its space later. */
export async function roomProblems(site: Site, before: Room): Promise<string[]> {
  const until = Date.now() + 120_000;
  for (;;) {
    const now = await roomOf(site);
    const lost = now.thinUse.map((used, index) => used - (before.thinUse[index] ?? 0));
    const same = isDeepStrictEqual({ ...now, thinUse: [] }, { ...before, thinUse: [] });
    if (same && lost.every((blocks) => blocks <= lostAtMost)) return [];
    if (Date.now() > until)
      return [
        `the room of the group was ${JSON.stringify(before)}, and is ${JSON.stringify(now)} after all was deleted`,
      ];
    await delay(200);
  }
}
