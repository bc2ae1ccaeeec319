import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PersistentVolumes, SnapshotContents } from '../../app/feature.ts';
import { Failure } from '../../domain/errors.ts';
import { type Fleet, knownInventory } from '../../domain/fleet.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import type { Volume } from '../../domain/volume.ts';
import { isLooseSnapshot, isLooseVolume, type Orphan, Sightings } from './sightings.ts';

export interface OrphansOptions {
  readonly fleet: Fleet;
  readonly claims: PersistentVolumes;
  /** Absent: the controller does not watch what Kubernetes has of snapshots. */
  readonly contents?: SnapshotContents | undefined;
  /** Milliseconds that a volume is in no PersistentVolume, and a snapshot in no VolumeSnapshotContent, before it counts as an orphan. */
  readonly grace: number;
  readonly now?: () => number;
}

/** Volumes that are examined before other work runs: a few milliseconds. */
const slice = 2000;

/** Finds volumes that are in no PersistentVolume, and snapshots that are in no VolumeSnapshotContent. It changes nothing. */
export class Orphans {
  readonly #options: OrphansOptions;
  readonly #now: () => number;
  readonly #volumes: Sightings<Volume>;
  readonly #snapshots: Sightings<Snapshot> | undefined;
  #looking: Promise<void> | undefined;

  constructor(options: OrphansOptions) {
    const { claims, contents, grace, now = Date.now } = options;
    this.#options = options;
    this.#now = now;
    this.#volumes = new Sightings({ kubernetes: claims, isLoose: isLooseVolume, grace });
    this.#snapshots = contents && new Sightings({ kubernetes: contents, isLoose: isLooseSnapshot, grace });
  }

  /** Call it again and again: an orphan is in no object of Kubernetes at each look of the whole grace. Looks run one after the other. */
  look(): Promise<void> {
    const before = this.#looking ?? Promise.resolve();
    const looking = before.then(() => this.#lookNow());
    this.#looking = looking.catch(() => undefined);
    return looking;
  }

  /** The volumes of the last look, the oldest first; `undefined` while it is not known which volumes Kubernetes claims. */
  latest(): readonly Orphan[] | undefined {
    return this.#volumes.latest();
  }

  /** The volumes of a new look. Throws `unavailable` while it is not known which volumes Kubernetes claims. */
  async list(): Promise<readonly Orphan[]> {
    await this.look();
    const found = this.latest();
    if (found) return found;
    throw new Failure('unavailable', 'which volumes have a PersistentVolume is not known now: try again');
  }

  /** The snapshots of the last look, the oldest first; `unknown` while it is not known which ones Kubernetes claims, `unwatched` where that is not looked for. */
  snapshots(): readonly Orphan<Snapshot>[] | 'unknown' | 'unwatched' {
    return this.#snapshots ? (this.#snapshots.latest() ?? 'unknown') : 'unwatched';
  }

  /** Whether the node that holds it can be asked about it. */
  connected({ node }: Pick<Volume, 'node'>): boolean {
    return this.#options.fleet.member(node)?.connected === true;
  }

  /** Node by node, in slices. A node that has not reported keeps what was seen of it; one that is no member any more is forgotten. */
  async #lookNow(): Promise<void> {
    const { fleet } = this.#options;
    const all = [this.#volumes, this.#snapshots];
    for (const sightings of all) sightings?.begin((node) => fleet.member(node) !== undefined);
    let examined = 0;
    for (const member of fleet.members()) {
      const inventory = knownInventory(member);
      if (!inventory) continue;
      const { volumes, snapshots } = inventory;
      this.#volumes.look(member.node, [...volumes.values()], this.#now());
      this.#snapshots?.look(member.node, [...snapshots.values()], this.#now());
      examined += volumes.size + snapshots.size;
      if (examined >= slice) {
        examined = 0;
        await nextTurn();
      }
    }
    for (const sightings of all) sightings?.end();
  }
}
