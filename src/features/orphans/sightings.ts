import { Failure } from '../../domain/errors.ts';
import type { SnapshotId, VolumeId } from '../../domain/ids.ts';
import type { Volume } from '../../domain/volume.ts';

/** Since when each volume was seen in no PersistentVolume, or each snapshot in no VolumeSnapshotContent; milliseconds since the epoch. */
export type Sightings = ReadonlyMap<VolumeId | SnapshotId, number>;

/** A volume on disk that is in no PersistentVolume and is not retained. */
export interface Orphan {
  readonly volume: Volume;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** The sightings after a look at all `volumes` of a node, in milliseconds since the epoch. Volumes that are claimed, retained, inline, still being copied or gone have none. */
export function sight(
  earlier: Sightings,
  volumes: readonly Volume[],
  claimed: ReadonlySet<string>,
  now: number,
): Sightings {
  // No claim has a volume before its copy is whole, and none has an inline volume.
  const loose = volumes.filter(
    ({ id, retained, state, role }) => !retained && state !== 'copying' && role !== 'inline' && !claimed.has(id),
  );
  return sightAgain(
    earlier,
    loose.map(({ id }) => id),
    now,
  );
}

/** The sightings after a look that has seen these; the others are forgotten. */
export function sightAgain(earlier: Sightings, seen: readonly (VolumeId | SnapshotId)[], now: number): Sightings {
  return new Map(seen.map((id) => [id, earlier.get(id) ?? now]));
}

/** Those that were in no PersistentVolume for the whole grace: that of a new volume appears only after it. The oldest first. */
export function orphansOf(
  volumes: readonly Volume[],
  sightings: Sightings,
  { now, grace }: { readonly now: number; readonly grace: number },
): Orphan[] {
  return volumes
    .flatMap((volume) => {
      const since = sightings.get(volume.id);
      return since === undefined || now - since < grace ? [] : [{ volume, since }];
    })
    .sort(oldestFirst);
}

export function oldestFirst(a: Orphan, b: Orphan): number {
  return a.since - b.since || (a.volume.id < b.volume.id ? -1 : 1);
}

/**
 * The one that a person means: the only one of those found for an id, and for a node where one was named. Throws `precondition` for none, and for
 * several, which differ in their nodes.
 */
export function onlyOne<Found extends { readonly node: string }>(found: readonly Found[], id: string): Found {
  const [one, another] = found;
  if (!one) throw notShown(id);
  if (!another) return one;
  const nodes = found.map(({ node }) => node).join(', ');
  throw new Failure('precondition', `${id} is on nodes ${nodes}: name one of them with --node`);
}

/** The refusal of what is no orphan. */
export function notShown(id: string): Failure {
  return new Failure('precondition', `${id} is none of the orphans that \`quarry orphans\` shows`);
}
