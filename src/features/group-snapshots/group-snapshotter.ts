import type { CsiContext } from '../../app/feature.ts';
import { createLocks } from '../../concurrency/locks.ts';
import { Failure } from '../../domain/errors.ts';
import { knownInventory } from '../../domain/fleet.ts';
import { type GroupSnapshot, isComplete, refuseOtherMembers, refuseOtherSources } from '../../domain/group-snapshot.ts';
import {
  type GroupSnapshotId,
  type NodeName,
  parseGroupSnapshotId,
  parseVolumeId,
  type VolumeId,
} from '../../domain/ids.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import type { Storage } from '../../domain/storage.ts';
import type { TakeRequest } from './requests.ts';

/** Takes and removes group snapshots, each on the node that has all of its volumes. Only a node's answer says that something is done. */
export class GroupSnapshotter {
  readonly #registry: CsiContext['registry'];
  readonly #locks = createLocks();

  constructor(registry: CsiContext['registry']) {
    this.#registry = registry;
  }

  /**
   * The existing group snapshot of that name, else a new one. Throws `not-found` for a volume that does not exist, `exists`, and `precondition` for volumes
   * of several nodes.
   */
  async take({ name, sources, room }: TakeRequest, signal: AbortSignal): Promise<GroupSnapshot> {
    using _lock = this.#locks.acquire(name, 'CreateVolumeGroupSnapshot');
    const spec = { name, sources: sources.map(toVolumeId), room };
    const existing = this.#named(name);
    const [first] = existing;
    // A report may show a part of it: another call takes or removes it. Its node decides.
    if (isComplete(existing)) refuseOtherSources(existing, spec);
    // A member outlives its volume, and stays where the volume was.
    const there = first && this.#registry.storageOf(first.id, first.node);
    const storage = there ?? (await this.#storageOf(spec.sources, signal));
    return storage.groupSnapshots.take(spec, signal);
  }

  /** Throws `not-found`, and `invalid` if a list of members is given that is not that of the group snapshot. */
  async get(id: string, listed: readonly string[], signal: AbortSignal): Promise<GroupSnapshot> {
    const known = parseGroupSnapshotId(id);
    const found = known && (await this.#at(known)?.groupSnapshots.find(known.id, signal));
    if (!found) throw new Failure('not-found', `group snapshot "${id}" does not exist`);
    refuseOtherMembers(found.id, found.members, listed);
    return found;
  }

  /** Succeeds also where the group snapshot does not exist, and for an id that Quarry never issued. Throws `invalid` as `get` does. */
  async remove(id: string, listed: readonly string[], signal: AbortSignal): Promise<void> {
    const known = parseGroupSnapshotId(id);
    if (known) await this.#at(known)?.groupSnapshots.remove(known.id, listed, signal);
  }

  #at({ id, node }: { readonly id: GroupSnapshotId; readonly node: NodeName }): Storage | undefined {
    return this.#registry.storageOf(id, node);
  }

  /** The storage that has all of the volumes. If one of them is gone, that of the others decides: it may have taken the group snapshot before. */
  async #storageOf(sources: readonly VolumeId[], signal: AbortSignal): Promise<Storage> {
    const places = await Promise.all(sources.map((source) => this.#placeOf(source, signal)));
    const nodes = new Set(places.map(({ storage }) => storage.node));
    const [place] = places;
    if (place && nodes.size === 1) return place.storage;
    const gone = sources.find((_, index) => places[index]?.isThere === false);
    if (gone !== undefined) throw absent(gone);
    const where = places.map(({ storage }, index) => `${sources[index]} on node ${storage.node}`);
    throw new Failure('precondition', `the volumes of a group snapshot must be on one node: ${where.join(', ')}`);
  }

  /** The storage that has the volume, or had it last. */
  async #placeOf(id: VolumeId, signal: AbortSignal): Promise<{ readonly storage: Storage; readonly isThere: boolean }> {
    const birth = parseVolumeId(id)?.node as NodeName;
    const place = await this.#registry.at(id, birth, async (storage) => ({
      storage,
      isThere: (await storage.find(id, signal)) !== undefined,
    }));
    if (place) return place;
    throw absent(id);
  }

  /** The members of the group snapshot of that name, as far as is known. */
  #named(name: string): Snapshot[] {
    const known = this.#registry
      .members()
      .flatMap((member) => Array.from(knownInventory(member)?.snapshots.values() ?? []));
    return known.filter(({ memberOf, name: its, state }) => memberOf && its === name && state !== 'creating');
  }
}

/** Throws `not-found` for an id that Quarry never issued. */
function toVolumeId(source: string): VolumeId {
  const parsed = parseVolumeId(source);
  if (parsed) return parsed.id;
  throw absent(source);
}

function absent(volume: string): Failure {
  return new Failure('not-found', `volume "${volume}" does not exist`);
}
