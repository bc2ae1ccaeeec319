import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PersistentVolumes } from '../../app/feature.ts';
import { Failure } from '../../domain/errors.ts';
import { type Fleet, knownInventory, type Member } from '../../domain/fleet.ts';
import { type NodeName, parseSnapshotId, parseVolumeId } from '../../domain/ids.ts';
import type { Volume } from '../../domain/volume.ts';
import type { OrphanSnapshot, OrphanSnapshots } from './orphan-snapshots.ts';
import { notShown, oldestFirst, onlyOne, type Orphan, orphansOf, sight, type Sightings } from './sightings.ts';

export interface OrphansOptions {
  readonly fleet: Fleet;
  readonly claims: PersistentVolumes;
  /** Absent: the controller does not watch what Kubernetes has of snapshots. */
  readonly snapshots?: OrphanSnapshots | undefined;
  /** Milliseconds that a volume is in no PersistentVolume before it counts as an orphan. */
  readonly grace: number;
  readonly now?: () => number;
}

/** Volumes that are examined before other work runs: a few milliseconds. */
const slice = 2000;

/** As a person names an orphan. */
export interface Named {
  readonly id: string;
  /** Absent: the only node that reports it. */
  readonly node?: string | undefined;
}

interface Looked {
  readonly sightings: Sightings;
  readonly orphans: readonly Orphan[];
}

/** Finds volumes that are in no PersistentVolume, and snapshots that are in no VolumeSnapshotContent. It changes nothing by itself: a person decides for each volume. */
export class Orphans {
  readonly #options: OrphansOptions;
  readonly #now: () => number;
  readonly #nodes = new Map<NodeName, Looked>();
  #looking: Promise<void> | undefined;
  #looked = false;

  constructor(options: OrphansOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** Call it again and again: an orphan is in no PersistentVolume at each look of the whole grace. Looks run one after the other. */
  look(): Promise<void> {
    const before = this.#looking ?? Promise.resolve();
    const looking = before.then(() => this.#lookNow());
    this.#looking = looking.catch(() => undefined);
    return looking;
  }

  /** The orphans of the last look, the oldest first; `undefined` while it is not known which volumes Kubernetes claims. */
  latest(): readonly Orphan[] | undefined {
    if (!this.#looked || !this.#options.claims.watched()) return undefined;
    return [...this.#nodes.values()].flatMap(({ orphans }) => orphans).sort(oldestFirst);
  }

  /** The orphans of a new look. Throws `unavailable` while it is not known which volumes Kubernetes claims. */
  async list(): Promise<readonly Orphan[]> {
    await this.look();
    const found = this.latest();
    if (found) return found;
    throw new Failure('unavailable', 'which volumes have a PersistentVolume is not known now: try again');
  }

  /** Node by node, in slices. A node that has not reported keeps what was seen of it; one that is no member any more is forgotten. */
  async #lookNow(): Promise<void> {
    const { claims, fleet, grace, snapshots } = this.#options;
    const claimed = claims.watched();
    if (!claimed) return;
    for (const node of this.#nodes.keys()) if (!fleet.member(node)) this.#forget(node);
    let examined = 0;
    for (const member of fleet.members()) {
      const inventory = knownInventory(member);
      if (!inventory) continue;
      const volumes = [...inventory.volumes.values()];
      const now = this.#now();
      const earlier = this.#nodes.get(member.node)?.sightings ?? new Map();
      const sightings = sight(earlier, volumes, claimed, now);
      this.#nodes.set(member.node, { sightings, orphans: orphansOf(volumes, sightings, { now, grace }) });
      snapshots?.look(member.node, [...inventory.snapshots.values()], now);
      examined += volumes.length + inventory.snapshots.size;
      if (examined >= slice) {
        examined = 0;
        await nextTurn();
      }
    }
    this.#looked = true;
  }

  #forget(node: NodeName): void {
    this.#nodes.delete(node);
    this.#options.snapshots?.forget(node);
  }

  /** The snapshots of the last look, the oldest first; `unknown` while it is not known which ones Kubernetes claims, `unwatched` where that is not looked for. */
  snapshots(): readonly OrphanSnapshot[] | 'unknown' | 'unwatched' {
    const { snapshots } = this.#options;
    return snapshots ? (snapshots.latest() ?? 'unknown') : 'unwatched';
  }

  /** Whether the node that holds it can be asked about it. */
  connected({ node }: { readonly node: NodeName }): boolean {
    return this.#options.fleet.member(node)?.connected === true;
  }

  /** Records on the volume that it is meant to be in no PersistentVolume. */
  async retain(named: Named, signal: AbortSignal): Promise<void> {
    if (parseSnapshotId(named.id))
      throw new Failure('precondition', `${named.id} is a snapshot: one that has a VolumeSnapshotContent is retained`);
    const { volume, member } = await this.#find(named);
    await member.storage.retain(volume.id, signal);
    await this.look();
  }

  /**
   * Deletes the volume on its node, and what the node of its birth has left of it. Reads the PersistentVolumes again first, and refuses a
   * volume that is in one. A snapshot likewise.
   */
  async remove(named: Named, signal: AbortSignal): Promise<void> {
    if (parseSnapshotId(named.id)) return this.#removeSnapshot(named, signal);
    const { volume, member } = await this.#find(named);
    const claimed = await this.#options.claims.read(signal);
    if (claimed.has(volume.id)) {
      throw new Failure('precondition', `volume ${volume.id} has a PersistentVolume by now: delete that, or its claim`);
    }
    const giver = this.#giverOf(volume);
    if (giver) this.#refuseDisconnected(giver);
    // It may have been retained through another controller meanwhile; the node knows.
    if ((await member.storage.find(volume.id, signal))?.retained) throw notShown(volume.id);
    await member.storage.remove(volume.id, signal);
    await giver?.storage.remove(volume.id, signal, member.node);
    await this.look();
  }

  async #removeSnapshot({ id, node }: Named, signal: AbortSignal): Promise<void> {
    await this.look();
    const all = this.snapshots();
    if (all === 'unwatched')
      throw new Failure('precondition', `snapshot ${id} is not deleted: \`kubernetes.snapshots\` is \`ignore\``);
    if (all === 'unknown')
      throw new Failure('unavailable', 'which snapshots have a VolumeSnapshotContent is not known now: try again');
    const found = all
      .map(({ snapshot }) => snapshot)
      .filter((one) => one.id === id && (node === undefined || one.node === node));
    const snapshot = onlyOne(found, id);
    const member = this.#options.fleet.member(snapshot.node);
    if (!member) throw notShown(id);
    this.#refuseDisconnected(member);
    await this.#options.snapshots?.refuseKept(snapshot, signal);
    await member.storage.snapshots.remove(snapshot.id, signal);
    await this.look();
  }

  async #find({ id, node }: Named): Promise<{ volume: Volume; member: Member }> {
    const parsed = parseVolumeId(id);
    const volumes = (await this.list()).map(({ volume }) => volume);
    const found = volumes.filter((volume) => volume.id === parsed?.id && (node === undefined || volume.node === node));
    const volume = onlyOne(found, id);
    const member = this.#options.fleet.member(volume.node);
    if (!member) throw notShown(id);
    this.#refuseDisconnected(member);
    return { volume, member };
  }

  /** The member that the volume was born on, where that has a record that it gave the volume to this node. */
  #giverOf({ id, node }: Volume): Member | undefined {
    const birth = parseVolumeId(id)?.node;
    const member = birth === undefined ? undefined : this.#options.fleet.member(birth);
    return knownInventory(member)?.given.get(id) === node ? member : undefined;
  }

  #refuseDisconnected({ node, connected }: Member): void {
    if (connected) return;
    throw new Failure('unavailable', `node ${node} is disconnected: its volumes and snapshots cannot be changed now`);
  }
}
