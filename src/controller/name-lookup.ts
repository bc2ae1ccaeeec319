import { Failure, isFailure } from '../domain/errors.ts';
import type { Member } from '../domain/fleet.ts';
import { type LvName, type NodeName, parseSnapshotId, parseVolumeId, volumeIdFor } from '../domain/ids.ts';
import { type ContentSource, printSource } from '../domain/snapshot.ts';
import { refusePassive, type Volume } from '../domain/volume.ts';
import type { NodeRegistry } from './node-registry.ts';

export interface NameLookupOptions {
  readonly registry: NodeRegistry;
  /** The name of the logical volume for a CSI name: with the node it is the volume's id. */
  readonly lvNameFor: (name: string) => LvName;
}

/** Finds the volume of a CSI name on the nodes. */
export class NameLookup {
  readonly #registry: NodeRegistry;
  readonly #lvNameFor: (name: string) => LvName;

  constructor({ registry, lvNameFor }: NameLookupOptions) {
    this.#registry = registry;
    this.#lvNameFor = lvNameFor;
  }

  /** The members on which a volume of that name was born, as their inventories show. */
  holders(name: string): Member[] {
    return this.#registry.holders(this.#lvNameFor(name));
  }

  /** The member that the volume was given to, where its own inventory shows the volume, too. */
  movedTo(member: Member, name: string): Member | undefined {
    return this.#registry.movedTo(member, volumeIdFor(member.node, this.#lvNameFor(name)));
  }

  /** Asks the node whether it has the volume, or gave it to another node. */
  async knows({ node, storage }: Member, name: string, signal: AbortSignal): Promise<boolean> {
    try {
      return (await storage.find(volumeIdFor(node, this.#lvNameFor(name)), signal)) !== undefined;
    } catch (error) {
      if (isFailure(error, 'elsewhere')) return true;
      throw error;
    }
  }

  /** The members without those that are asked and say that they do not have the volume. */
  async having(members: readonly Member[], name: string, signal: AbortSignal): Promise<Member[]> {
    const having = members.map(async (member) => {
      const gone = member.connected && !(await this.knows(member, name, signal));
      return gone ? [] : [member];
    });
    return (await Promise.all(having)).flat();
  }

  /** The volume that was born on `birth` and given to `node`. Throws `unavailable` where that does not have it. */
  async given(birth: NodeName, node: NodeName, name: string, signal: AbortSignal): Promise<Volume> {
    const id = volumeIdFor(birth, this.#lvNameFor(name));
    const volume = await this.#registry.at(id, birth, (storage) => storage.find(id, signal));
    if (!volume)
      throw new Failure('unavailable', `volume "${name}" was given to node ${node}, which does not have it now`);
    refusePassive(volume);
    return volume;
  }

  /**
   * The volume of that name that was made from the source, which need not exist any more. Only the node of the source can have it, and the nodes whose
   * inventories show the name.
   */
  async madeFrom(source: ContentSource, name: string, signal: AbortSignal): Promise<Volume | undefined> {
    const lv = this.#lvNameFor(name);
    const there = 'snapshot' in source ? parseSnapshotId(source.snapshot) : parseVolumeId(source.volume);
    const births = new Set(this.holders(name).map(({ node }) => node));
    for (const birth of there ? births.add(there.node) : births) {
      const id = volumeIdFor(birth, lv);
      const volume = await this.#registry.at(id, birth, (storage) => storage.find(id, signal));
      if (volume?.source && printSource(volume.source) === printSource(source)) return volume;
    }
    return undefined;
  }
}
