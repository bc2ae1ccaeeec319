import type { SnapshotContents } from '../../app/feature.ts';
import type { NodeName, SnapshotId, VolumeId } from '../../domain/ids.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import type { Volume } from '../../domain/volume.ts';

/** What a node has and Kubernetes should have an object of. */
type Kept = Pick<Volume | Snapshot, 'id' | 'node' | 'size'>;

/** One on disk that is in no object of Kubernetes, and is not meant to be so. */
export interface Orphan<One extends Kept = Volume> {
  readonly one: One;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

export interface SightingsOptions<One> {
  /** The ids in the objects of Kubernetes. */
  readonly kubernetes: Pick<SnapshotContents, 'isWatched' | 'watched'>;
  /** Whether it is in none of them and should be in one. */
  readonly isLoose: (one: One, claimed: ReadonlySet<string>) => boolean;
  /** Milliseconds for which one is seen in no object before it is an orphan: that of a new one appears only after it. */
  readonly grace: number;
}

interface Looked<One extends Kept> {
  readonly since: ReadonlyMap<VolumeId | SnapshotId, number>;
  readonly orphans: readonly Orphan<One>[];
}

/** Since when each volume, or each snapshot, was seen in no object of Kubernetes. */
export class Sightings<One extends Kept> {
  readonly #options: SightingsOptions<One>;
  readonly #nodes = new Map<NodeName, Looked<One>>();
  /** Of the look that is under way. */
  #claimed: ReadonlySet<string> | undefined;
  #looked = false;

  constructor(options: SightingsOptions<One>) {
    this.#options = options;
  }

  /** Begins a look, with what Kubernetes has now. Forgets the nodes that are no members any more. */
  begin(isMember: (node: NodeName) => boolean): void {
    this.#claimed = this.#options.kubernetes.watched();
    for (const node of this.#nodes.keys()) if (!isMember(node)) this.#nodes.delete(node);
  }

  /** Call it with all that a node has, at a time in milliseconds since the epoch. While it is not known what Kubernetes has, what was seen stays. */
  look(node: NodeName, all: readonly One[], now: number): void {
    const { isLoose, grace } = this.#options;
    const claimed = this.#claimed;
    if (!claimed) return;
    const earlier = this.#nodes.get(node)?.since;
    const loose = all
      .filter((one) => isLoose(one, claimed))
      .map((one) => ({ one, since: earlier?.get(one.id) ?? now }));
    const orphans = loose.filter(({ since }) => now - since >= grace);
    this.#nodes.set(node, { since: new Map(loose.map(({ one, since }) => [one.id, since])), orphans });
  }

  /** Ends a look at all nodes that have reported. */
  end(): void {
    this.#looked ||= this.#claimed !== undefined;
    this.#claimed = undefined;
  }

  /** Those of the last look, the oldest first; `undefined` while it is not known what Kubernetes has. */
  latest(): readonly Orphan<One>[] | undefined {
    if (!this.#looked || !this.#options.kubernetes.isWatched()) return undefined;
    const all = [...this.#nodes.values()].flatMap(({ orphans }) => orphans);
    return all.sort((a, b) => a.since - b.since || (a.one.id < b.one.id ? -1 : 1));
  }
}

/** Whether it should be in a PersistentVolume. One that is retained, inline or still being copied need not be. */
export function isLooseVolume({ id, retained, state, role }: Volume, claimed: ReadonlySet<string>): boolean {
  // No claim has a volume before its copy is whole, and none has an inline volume.
  return !retained && state !== 'copying' && role !== 'inline' && !claimed.has(id);
}

/** Whether it should be in a VolumeSnapshotContent. One that is cut off is removed by its node. */
export function isLooseSnapshot({ state, ...one }: Snapshot, claimed: ReadonlySet<string>): boolean {
  return state !== 'creating' && !hasContent(claimed, one);
}

/** A content that has no snapshot yet is known by its volume. */
export function hasContent(claimed: ReadonlySet<string>, { id, source }: Pick<Snapshot, 'id' | 'source'>): boolean {
  return claimed.has(id) || claimed.has(source);
}
