import { type Bytes, largest, maximum, type SizeRange, smallest } from '../domain/bytes.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import type { Fleet, Member } from '../domain/fleet.ts';
import { type LvName, parseVolumeId, type VolumeId } from '../domain/ids.ts';
import { type Offer, offerOf } from '../domain/offer.ts';
import type { ClassParameters } from '../domain/parameters.ts';
import type { Packing } from '../domain/placement.ts';
import type { QosChange } from '../domain/qos.ts';
import type { Storage } from '../domain/storage.ts';
import type { Accessibility } from '../domain/topology.ts';
import { refuseCopying, refusePassive, type Volume } from '../domain/volume.ts';
import { NameLookup } from './name-lookup.ts';
import { type NodeLifecycle, noLifecycle, NodeRegistry } from './node-registry.ts';
import type { VolumeRequest } from './requests.ts';
import { RefusedReservations } from './refused-reservations.ts';
import { besideSource } from './sources.ts';
import { VolumeCreator } from './volume-creator.ts';

export interface ProvisionerOptions {
  readonly fleet: Fleet;
  readonly packing: Packing;
  /** The name of the logical volume for a CSI name: with the node it is the volume's id. */
  readonly lvNameFor: (name: string) => LvName;
  /** Absent: all nodes are members of the fleet, and stay so. */
  readonly lifecycle?: NodeLifecycle | undefined;
}

/** The volumes that can be made; all zero where none can. */
interface Capacity {
  /** The largest volume that any one node can make. */
  readonly largest: Bytes;
  /** The largest volumes of all nodes together. */
  readonly total: Bytes;
  /** Sizes are multiples of it. */
  readonly unit: Bytes;
}

/** Provisions volumes on the nodes of a fleet. A volume's node makes each change; only its answer says that the change is made. */
export class Provisioner {
  /** Where volumes and their snapshots are. */
  readonly registry: NodeRegistry;
  readonly refusedReservations = new RefusedReservations();
  readonly #lookup: NameLookup;
  readonly #creator: VolumeCreator;

  constructor({ fleet, lifecycle = noLifecycle, packing, lvNameFor }: ProvisionerOptions) {
    this.registry = new NodeRegistry(fleet, lifecycle);
    this.#lookup = new NameLookup({ registry: this.registry, lvNameFor });
    this.#creator = new VolumeCreator({ registry: this.registry, lookup: this.#lookup, packing });
  }

  async create(asked: VolumeRequest, signal: AbortSignal): Promise<Volume> {
    const request = await besideSource(this.registry, this.#lookup, asked, signal);
    try {
      const volume = await this.#creator.create(request, signal);
      this.refusedReservations.made(request.name);
      return volume;
    } catch (error) {
      if (isFailure(error, 'exhausted'))
        this.refusedReservations.refused(request, this.#members(request.accessibility));
      throw error;
    }
  }

  /** Frees memory of nodes and creations that is no longer needed. Call it again and again. */
  async tidy(signal: AbortSignal): Promise<void> {
    this.registry.tidy();
    await this.#creator.settle(signal);
  }

  /** Succeeds also where the volume does not exist, and for an id that Quarry never issued. */
  async remove(id: string, signal: AbortSignal): Promise<void> {
    const born = parseVolumeId(id);
    if (!born) return;
    await this.registry.at(born.id, born.node, async (storage) => {
      await storage.remove(born.id, signal);
      if (storage.node === born.node) return;
      // Now that it is gone, the record of where it went may go too.
      await this.registry.storageOf(born.id, born.node)?.remove(born.id, signal, storage.node);
    });
  }

  async get(id: string, signal: AbortSignal): Promise<Volume> {
    const volume = await this.#at(id, (storage, known) => storage.find(known, signal));
    refusePassive(volume);
    refuseCopying(volume);
    return volume;
  }

  async expand(id: string, size: SizeRange, signal: AbortSignal): Promise<Volume> {
    return this.#at(id, (storage, known) => storage.expand(known, size, signal));
  }

  async modify(id: string, change: QosChange, signal: AbortSignal): Promise<Volume> {
    return this.#at(id, (storage, known) => storage.modify(known, change, signal));
  }

  /** In the order of ids, those after the one given, and one more than `count` where there are more; 0: all. */
  list(after: string, count: number): Volume[] {
    return this.registry.volumesAfter(after, count > 0 ? count + 1 : 0);
  }

  /** Of the nodes of a topology. One that is not connected, or is not known, has none. */
  capacity(parameters: ClassParameters, accessibility: Accessibility): Capacity {
    const offers = this.#members(accessibility).flatMap((each) => offerBy(each, parameters) ?? []);
    const rooms = offers.map(({ room }) => room);
    const [unit = 0n, ...units] = offers.map((offer) => offer.unit);
    return {
      largest: smallest(maximum, largest(0n, ...rooms)),
      // The sum of thousands of nodes may exceed the int64 of the answer.
      total: smallest(
        maximum,
        rooms.reduce((sum, room) => sum + room, 0n),
      ),
      unit: smallest(unit, ...units),
    };
  }

  #members({ requisite }: Accessibility): readonly Member[] {
    if (!requisite) return this.registry.members();
    return [...requisite].flatMap((node) => this.registry.member(node) ?? []);
  }

  /** Where the volume is. Throws `not-found`, and `unavailable` for a node that never connected. */
  async #at(id: string, act: (storage: Storage, id: VolumeId) => Promise<Volume | undefined>): Promise<Volume> {
    const born = parseVolumeId(id);
    const volume = born && (await this.registry.at(born.id, born.node, (storage) => act(storage, born.id)));
    if (!volume) throw new Failure('not-found', `volume "${id}" does not exist`);
    return volume;
  }
}

function offerBy({ connected, storage }: Member, parameters: ClassParameters): Offer | undefined {
  if (!connected) return undefined;
  const offer = offerOf(storage.inventory(), parameters);
  return 'pool' in offer ? offer : undefined;
}
