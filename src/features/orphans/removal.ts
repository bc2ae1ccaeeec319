import type { PersistentVolumes, SnapshotContents } from '../../app/feature.ts';
import { Failure } from '../../domain/errors.ts';
import { type Fleet, knownInventory, type Member } from '../../domain/fleet.ts';
import { membersOf } from '../../domain/group-snapshot.ts';
import { type GroupSnapshotId, parseGroupSnapshotId, parseSnapshotId, parseVolumeId } from '../../domain/ids.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import type { Volume } from '../../domain/volume.ts';
import { notShown, onlyOne } from './named.ts';
import type { Orphans } from './orphans.ts';
import { hasContent } from './sightings.ts';

export interface RemovalOptions {
  readonly orphans: Orphans;
  readonly fleet: Fleet;
  readonly claims: PersistentVolumes;
  readonly contents?: SnapshotContents | undefined;
}

/** As a person names an orphan. */
export interface Named {
  readonly id: string;
  /** Absent: the only node that reports it. */
  readonly node?: string | undefined;
}

/** Retains and deletes orphans, each because a person decided so. */
export class OrphanRemoval {
  readonly #options: RemovalOptions;

  constructor(options: RemovalOptions) {
    this.#options = options;
  }

  /** Records on the volume that it is meant to be in no PersistentVolume. */
  async retain(named: Named, signal: AbortSignal): Promise<void> {
    if (parseSnapshotId(named.id) || parseGroupSnapshotId(named.id))
      throw new Failure('precondition', `${named.id} is a snapshot: one that has a VolumeSnapshotContent is retained`);
    const { volume, member } = await this.#find(named);
    await member.storage.retain(volume.id, signal);
    await this.#options.orphans.look();
  }

  /**
   * Deletes the volume on its node, and what the node of its birth has left of it. Reads the PersistentVolumes again first, and refuses a
   * volume that is in one. A snapshot, and a group snapshot whose members are all orphans, likewise.
   */
  async remove(named: Named, signal: AbortSignal): Promise<void> {
    const group = parseGroupSnapshotId(named.id);
    if (group) await this.#removeGroup(group.id, named, signal);
    else if (parseSnapshotId(named.id)) await this.#removeSnapshot(named, signal);
    else await this.#removeVolume(named, signal);
    await this.#options.orphans.look();
  }

  async #removeVolume(named: Named, signal: AbortSignal): Promise<void> {
    const { volume, member } = await this.#find(named);
    const claimed = await this.#options.claims.read(signal);
    if (claimed.has(volume.id)) {
      throw new Failure('precondition', `volume ${volume.id} has a PersistentVolume by now: delete that, or its claim`);
    }
    const giver = this.#giverOf(volume);
    if (giver) refuseDisconnected(giver);
    // It may have been retained through another controller meanwhile; the node knows.
    if ((await member.storage.find(volume.id, signal))?.retained) throw notShown(volume.id);
    await member.storage.remove(volume.id, signal);
    await giver?.storage.remove(volume.id, signal, member.node);
  }

  async #removeSnapshot(named: Named, signal: AbortSignal): Promise<void> {
    const snapshot = onlyOne(
      (await this.#snapshots(named)).filter(({ id }) => id === named.id),
      named.id,
    );
    const { id, memberOf } = snapshot;
    const member = this.#memberOf(snapshot);
    await this.#refuseContents([snapshot], signal);
    if (memberOf) {
      const remedy = `\`quarry orphans delete ${memberOf.id}\` deletes it whole, if all of its members are orphans`;
      throw new Failure('precondition', `snapshot ${id} is a member of group snapshot ${memberOf.id}: ${remedy}`);
    }
    await member.storage.snapshots.remove(id, signal);
  }

  async #removeGroup(id: GroupSnapshotId, named: Named, signal: AbortSignal): Promise<void> {
    const loose = (await this.#snapshots(named)).filter(({ memberOf }) => memberOf?.id === id);
    const [first] = loose;
    if (!first) throw notShown(id);
    const member = this.#memberOf(first);
    const members = membersOf(knownInventory(member)?.snapshots.values() ?? [], id);
    const kept = members.filter((one) => !loose.some((orphan) => orphan.id === one.id)).map((one) => one.id);
    if (kept.length > 0)
      throw new Failure('precondition', `group snapshot ${id} has members that are no orphans: ${kept.join(', ')}`);
    await this.#refuseContents(members, signal);
    // The node refuses it if the group has other members by now, or may have some in a volume group that is away.
    await member.storage.groupSnapshots.remove(
      id,
      members.map((one) => one.id),
      signal,
    );
  }

  /** The orphaned snapshots of a new look, of that node if one is named. */
  async #snapshots({ id, node }: Named): Promise<readonly Snapshot[]> {
    await this.#options.orphans.look();
    const all = this.#options.orphans.snapshots();
    if (all === 'unwatched')
      throw new Failure('precondition', `snapshot ${id} is not deleted: \`kubernetes.snapshots\` is \`ignore\``);
    if (all === 'unknown')
      throw new Failure('unavailable', 'which snapshots have a VolumeSnapshotContent is not known now: try again');
    return all.map(({ one }) => one).filter((one) => node === undefined || one.node === node);
  }

  /** Reads the VolumeSnapshotContents again. Throws `precondition` if one of the snapshots is in one, and `unavailable`. */
  async #refuseContents(snapshots: readonly Snapshot[], signal: AbortSignal): Promise<void> {
    const claimed = (await this.#options.contents?.read(signal)) ?? new Set<string>();
    const kept = snapshots.filter((one) => hasContent(claimed, one)).map(({ id }) => id);
    if (kept.length > 0)
      throw new Failure('precondition', `snapshot ${kept.join(', ')} has a VolumeSnapshotContent by now: delete that`);
  }

  async #find({ id, node }: Named): Promise<{ volume: Volume; member: Member }> {
    const parsed = parseVolumeId(id);
    const volumes = (await this.#options.orphans.list()).map(({ one }) => one);
    const found = volumes.filter((volume) => volume.id === parsed?.id && (node === undefined || volume.node === node));
    const volume = onlyOne(found, id);
    return { volume, member: this.#memberOf(volume) };
  }

  /** Its node. Throws `unavailable` while that is disconnected. */
  #memberOf({ id, node }: Pick<Volume | Snapshot, 'id' | 'node'>): Member {
    const member = this.#options.fleet.member(node);
    if (!member) throw notShown(id);
    refuseDisconnected(member);
    return member;
  }

  /** The member that the volume was born on, where that has a record that it gave the volume to this node. */
  #giverOf({ id, node }: Volume): Member | undefined {
    const birth = parseVolumeId(id)?.node;
    const member = birth === undefined ? undefined : this.#options.fleet.member(birth);
    return knownInventory(member)?.given.get(id) === node ? member : undefined;
  }
}

function refuseDisconnected({ node, connected }: Member): void {
  if (connected) return;
  throw new Failure('unavailable', `node ${node} is disconnected: its volumes and snapshots cannot be changed now`);
}
