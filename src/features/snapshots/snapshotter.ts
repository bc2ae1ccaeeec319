import type { CsiContext } from '../../app/feature.ts';
import { createLocks } from '../../concurrency/locks.ts';
import { Failure } from '../../domain/errors.ts';
import { knownInventory } from '../../domain/fleet.ts';
import { type NodeName, parseVolumeId } from '../../domain/ids.ts';
import { refuseOtherSource, type Snapshot, type SnapshotSpec } from '../../domain/snapshot.ts';
import type { Storage } from '../../domain/storage.ts';
import { accepts } from '../../domain/topology.ts';
import type { TakeRequest } from './requests.ts';

/** The snapshots to list; an empty text: all. */
export interface Wanted {
  readonly source: string;
  readonly id: string;
}

/** Takes and removes snapshots on the nodes that have their volumes. Only a node's answer says that something is done. */
export class Snapshotter {
  readonly #registry: CsiContext['registry'];
  readonly #locks = createLocks();

  constructor(registry: CsiContext['registry']) {
    this.#registry = registry;
  }

  /**
   * The existing snapshot of that name, else a new one. Throws `not-found` for a volume that does not exist, and `exhausted` for one on a node that
   * the topology lacks.
   */
  async take({ name, source, room, accessibility }: TakeRequest, signal: AbortSignal): Promise<Snapshot> {
    using _lock = this.#locks.acquire(name, 'CreateSnapshot');
    const volume = parseVolumeId(source);
    const existing = this.#named(name);
    if (!volume) {
      if (existing) throw new Failure('exists', `snapshot "${name}" exists: it was taken of volume ${existing.source}`);
      throw new Failure('not-found', `volume "${source}" does not exist`);
    }
    const spec: SnapshotSpec = { name, source: volume.id, room };
    if (existing) refuseOtherSource(existing, spec);
    const takeOn = async (storage: Storage): Promise<Snapshot> => {
      if (!accepts(accessibility, storage.node)) throw elsewhere(name, storage.node);
      return storage.snapshots.take(spec, signal);
    };
    // A snapshot outlives its volume, and stays where the volume was.
    const there = existing && this.#registry.storageOf(existing.id, existing.node);
    const taken = await (there ? takeOn(there) : this.#registry.at(volume.id, volume.node, takeOn));
    if (taken) return taken;
    throw new Failure('not-found', `volume "${source}" does not exist: its node is gone`);
  }

  /** Succeeds also where the snapshot does not exist, and for an id that Quarry never issued. */
  async remove(id: string, signal: AbortSignal): Promise<void> {
    const at = this.#registry.snapshotsOf(id);
    await at?.snapshots.remove(at.id, signal);
  }

  async find(id: string, signal: AbortSignal): Promise<Snapshot | undefined> {
    const at = this.#registry.snapshotsOf(id);
    return at?.snapshots.find(at.id, signal);
  }

  /**
   * As the nodes last reported, in the order of ids: those after the one given, and one more than `count` where there are more. Throws `unavailable` where
   * those of a node that has the page's are not known.
   */
  list({ source, id }: Wanted, after: string, count: number): Snapshot[] {
    const wanted = (one: Snapshot) => (source === '' || one.source === source) && (id === '' || one.id === id);
    return this.#registry.snapshotsAfter(after, count + 1, wanted);
  }

  #named(name: string): Snapshot | undefined {
    for (const member of this.#registry.members()) {
      for (const snapshot of knownInventory(member)?.snapshots.values() ?? [])
        if (snapshot.name === name && !snapshot.memberOf) return snapshot;
    }
    return undefined;
  }
}

function elsewhere(name: string, node: NodeName): Failure {
  return new Failure(
    'exhausted',
    `snapshot "${name}" can only be where its volume is: node ${node}, which the topology asked for lacks`,
  );
}
