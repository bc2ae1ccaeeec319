import { largestVolume, sizeUnit } from '../domain/capacity.ts';
import type { Bytes, SizeRange } from '../domain/bytes.ts';
import { Failure } from '../domain/errors.ts';
import { type NodeName, parseVolumeId, type PoolName, type VolumeId } from '../domain/ids.ts';
import { type ClassParameters, layoutFor } from '../domain/parameters.ts';
import type { PoolSpec } from '../domain/pool.ts';
import { largestPromised, reservableRates } from '../domain/promises.ts';
import { applyChange, noQos, type QosChange } from '../domain/qos.ts';
import type { Storage } from '../domain/storage.ts';
import type { Volume } from '../domain/volume.ts';

export interface VolumeRequest {
  readonly name: string;
  readonly size: SizeRange;
  readonly parameters: ClassParameters;
  /** Whether a volume on this node is what was asked for. */
  readonly accepts: (node: NodeName) => boolean;
}

/** Provisions on the one storage that there is. */
export class Provisioner {
  readonly #storage: Storage;
  readonly #specs: readonly PoolSpec[];

  constructor(storage: Storage, specs: readonly PoolSpec[]) {
    this.#storage = storage;
    this.#specs = specs;
  }

  get node(): NodeName {
    return this.#storage.node;
  }

  async create({ name, size, parameters, accepts }: VolumeRequest, signal: AbortSignal): Promise<Volume> {
    const spec = this.#spec(parameters.pool);
    const layout = layoutFor(spec, parameters);
    if (!accepts(this.node)) {
      // Of all codes this one alone makes the provisioner ask the scheduler for another node.
      throw new Failure('exhausted', `no node of the topology asked for is served here; this is node ${this.node}`);
    }
    const { mkfsOptions } = parameters;
    const qos = applyChange(noQos, parameters.qos);
    return this.#storage.create({ name, size, pool: spec.name, layout, mkfsOptions, qos }, signal);
  }

  /** Also when nothing of that id exists; an id that Quarry never issued names nothing anywhere. */
  async remove(id: string, signal: AbortSignal): Promise<void> {
    const parsed = this.#parse(id);
    if (parsed) await this.#storage.remove(parsed.id, signal);
  }

  async get(id: string, signal: AbortSignal): Promise<Volume> {
    const parsed = this.#parse(id);
    const volume = parsed && (await this.#storage.find(parsed.id, signal));
    if (!volume) throw new Failure('not-found', `volume "${id}" does not exist`);
    return volume;
  }

  async expand(id: string, size: SizeRange, signal: AbortSignal): Promise<Volume> {
    return this.#storage.expand(this.#known(id), size, signal);
  }

  async modify(id: string, change: QosChange, signal: AbortSignal): Promise<Volume> {
    return this.#storage.modify(this.#known(id), change, signal);
  }

  list(): Volume[] {
    return [...this.#storage.inventory().volumes.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** The largest volume that can be made with what the class reserves, and the unit of sizes. Zero for a pool that this node lacks or cannot serve now. */
  capacity(parameters: ClassParameters): { largest: Bytes; unit: Bytes } {
    const name = parameters.pool ?? this.#specs[0]?.name;
    const spec = this.#specs.find((candidate) => candidate.name === name);
    const { pools, volumes } = this.#storage.inventory();
    const pool = spec && pools.get(spec.name);
    if (!pool || !spec) return { largest: 0n, unit: 0n };
    const layout = layoutFor(spec, parameters);
    const unit = sizeUnit(pool, layout);
    const left = reservableRates(pool, volumes.values());
    const qos = applyChange(noQos, parameters.qos);
    return { largest: largestPromised(left, qos, unit, largestVolume(pool, layout)), unit };
  }

  /** Throws `not-found` for an id that Quarry never issued. */
  #known(id: string): VolumeId {
    const parsed = this.#parse(id);
    if (!parsed) throw new Failure('not-found', `volume "${id}" does not exist`);
    return parsed.id;
  }

  /** Throws `unavailable` for a volume of another node: what is true of it is not known here. */
  #parse(id: string): ReturnType<typeof parseVolumeId> {
    const parsed = parseVolumeId(id);
    if (parsed && parsed.node !== this.node) {
      throw new Failure('unavailable', `volume "${id}" belongs to node ${parsed.node}; this is node ${this.node}`);
    }
    return parsed;
  }

  #spec(name: PoolName | undefined): PoolSpec {
    const spec = name === undefined ? this.#specs[0] : this.#specs.find((candidate) => candidate.name === name);
    if (spec) return spec;
    const known = this.#specs.map((candidate) => candidate.name).join(', ') || 'none is configured';
    throw new Failure('invalid', `parameters: there is no pool "${name ?? ''}"; known: ${known}`);
  }
}
