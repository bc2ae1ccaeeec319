import type { SnapshotContents } from '../../app/feature.ts';
import { Failure } from '../../domain/errors.ts';
import type { NodeName, SnapshotId } from '../../domain/ids.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import { sightAgain, type Sightings } from './sightings.ts';

export interface OrphanSnapshotsOptions {
  readonly contents: SnapshotContents;
  /** As for volumes. */
  readonly grace: number;
}

/** A snapshot on disk that is in no VolumeSnapshotContent. */
export interface OrphanSnapshot {
  readonly snapshot: Snapshot;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** Finds snapshots that are in no VolumeSnapshotContent, as `Orphans` finds volumes. */
export class OrphanSnapshots {
  readonly #options: OrphanSnapshotsOptions;
  readonly #nodes = new Map<NodeName, { readonly sightings: Sightings; readonly orphans: readonly OrphanSnapshot[] }>();
  #looked = false;

  constructor(options: OrphanSnapshotsOptions) {
    this.#options = options;
  }

  /** Call it with all snapshots of a node. While it is not known what Kubernetes claims, what was seen stays. */
  look(node: NodeName, snapshots: readonly Snapshot[], now: number): void {
    const { contents, grace } = this.#options;
    const claimed = contents.watched();
    if (!claimed) return;
    // One that is cut off is removed by its node.
    const loose = snapshots.filter(({ state, ...one }) => state !== 'creating' && !hasContent(claimed, one));
    const earlier = this.#nodes.get(node)?.sightings ?? new Map<SnapshotId, number>();
    const sightings = sightAgain(
      earlier,
      loose.map(({ id }) => id),
      now,
    );
    const orphans = loose
      .map((snapshot) => ({ snapshot, since: sightings.get(snapshot.id) ?? now }))
      .filter(({ since }) => now - since >= grace);
    this.#nodes.set(node, { sightings, orphans });
    this.#looked = true;
  }

  forget(node: NodeName): void {
    this.#nodes.delete(node);
  }

  /** Those of the last look, the oldest first; `undefined` while it is not known which snapshots Kubernetes claims. */
  latest(): readonly OrphanSnapshot[] | undefined {
    if (!this.#looked || !this.#options.contents.watched()) return undefined;
    return [...this.#nodes.values()]
      .flatMap(({ orphans }) => orphans)
      .sort((a, b) => a.since - b.since || (a.snapshot.id < b.snapshot.id ? -1 : 1));
  }

  /** Reads the VolumeSnapshotContents again. Throws `precondition` if the snapshot is in one, or in a group, and `unavailable`. */
  async refuseKept({ id, source, memberOf }: Snapshot, signal: AbortSignal): Promise<void> {
    if (hasContent(await this.#options.contents.read(signal), { id, source }))
      throw new Failure('precondition', `snapshot ${id} has a VolumeSnapshotContent by now: delete that`);
    if (!memberOf) return;
    const remedy = 'make a VolumeGroupSnapshotContent of that with the deletionPolicy Delete, and delete it';
    throw new Failure('precondition', `snapshot ${id} is a member of group snapshot ${memberOf.id}: ${remedy}`);
  }
}

/** A content that has no snapshot yet is known by its volume. */
function hasContent(claimed: ReadonlySet<string>, { id, source }: Pick<Snapshot, 'id' | 'source'>): boolean {
  return claimed.has(id) || claimed.has(source);
}
