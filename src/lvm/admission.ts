import { type Bytes, largest, type SizeRange } from '../domain/bytes.ts';
import { chooseSize, refuseGrowth, withOverhead } from '../domain/capacity.ts';
import { usableSize } from '../domain/encryption.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import type { NodeName, PoolName, VolumeId } from '../domain/ids.ts';
import type { Pool } from '../domain/pool.ts';
import { contradictions, refuseReservation } from '../domain/reservations.ts';
import type { Qos } from '../domain/qos.ts';
import { knownLayout, type Layout, type Volume, type VolumeSpec } from '../domain/volume.ts';
import type { InventoryCache } from './cache.ts';

/** Decides what a pool has room for, in bytes and in its budget. A decision holds only within the group's turn. */
export class Admission {
  readonly #node: NodeName;
  readonly #cache: InventoryCache;
  #doubted = false;

  constructor(node: NodeName, cache: InventoryCache) {
    this.#node = node;
    this.#cache = cache;
  }

  /** Throws `invalid` for an unknown pool, `unavailable` while the pool's group is away, and `exhausted` for a pool that cannot serve now. */
  pool(name: PoolName): Pool {
    const { pools, unready } = this.#cache.current();
    const pool = pools.get(name);
    if (pool) return pool;
    const reason = unready.get(name);
    const spec = this.#cache.spec(name);
    const kind = spec && this.#cache.away(spec.group) !== undefined ? 'unavailable' : 'exhausted';
    if (reason !== undefined) throw new Failure(kind, `pool ${name} is not ready on node ${this.#node}: ${reason}`);
    throw new Failure(
      'invalid',
      `there is no pool "${name}"; known: ${[...pools.keys(), ...unready.keys()].join(', ')}`,
    );
  }

  /** Runs a change of sizes or reservations. If it fails, its effect is unknown until the next report. */
  async track(change: () => Promise<void>): Promise<void> {
    try {
      await change();
    } catch (error) {
      this.#doubted = true;
      throw error;
    }
  }

  /**
   * Reads LVM's state if the last change failed. LVM refuses a volume that it has no bytes for, but it does not know reservations: those of
   * a volume that is missing in memory would be spent twice.
   */
  async settle(): Promise<void> {
    if (this.#doubted) await this.#refresh();
  }

  /** The size of the logical volume of a new volume. @param least that of its source. Throws `exhausted`, `out-of-range`, and `invalid` if the limits contradict each other. */
  async forNew(id: VolumeId, spec: VolumeSpec, least: Bytes = 0n): Promise<{ pool: Pool; size: Bytes }> {
    return this.#decide(() => {
      const pool = this.pool(spec.pool);
      const range = withOverhead(spec.size, spec.encryption);
      const size = chooseSize(pool, spec.layout, { ...range, required: largest(range.required, least) });
      const wanted = { qos: spec.qos, size };
      refuseContradictions(wanted);
      refuseReservation(pool, this.#volumes(), id, wanted);
      return { pool, size };
    });
  }

  /** Throws `exhausted` if the volume cannot have that size, or if its reservations per GiB cannot grow with it. */
  async forGrowth(volume: Volume, size: Bytes): Promise<Pool> {
    return this.#decide(() => {
      const pool = this.pool(volume.pool);
      refuseGrowth(pool, knownLayout(volume), volume.size, size);
      refuseReservation(pool, this.#volumes(), volume.id, { qos: volume.qos, size }, volume);
      return pool;
    });
  }

  /** @param size what a thin snapshot may grow to, or the room of a thick one. Throws `exhausted` if the pool must not promise, or has not, that much. */
  async forSnapshot(name: PoolName, layout: Layout, size: Bytes): Promise<Pool> {
    return this.#decide(() => {
      const pool = this.pool(name);
      refuseGrowth(pool, layout, 0n, size);
      return pool;
    });
  }

  /** Throws `exhausted` if the pool cannot reserve that much, and `invalid` if the limits contradict each other. */
  async forChange(volume: Volume, qos: Qos): Promise<void> {
    const wanted = { qos, size: volume.size };
    refuseContradictions(wanted);
    if (Object.keys(qos.reservations).length === 0) return;
    await this.#decide(() => {
      refuseReservation(this.pool(volume.pool), this.#volumes(), volume.id, wanted, volume);
    });
  }

  #volumes(): Iterable<Volume> {
    return this.#cache.current().volumes.values();
  }

  /** Reads LVM's state before it refuses for lack of room, because the inventory in memory may be old. */
  async #decide<T>(decide: () => T): Promise<T> {
    try {
      return decide();
    } catch (error) {
      if (!isFailure(error, 'exhausted')) throw error;
      await this.#refresh();
      return decide();
    }
  }

  async #refresh(): Promise<void> {
    await this.#cache.refresh();
    this.#doubted = false;
  }
}

function refuseContradictions(wanted: Pick<Volume, 'qos' | 'size'>): void {
  const problems = contradictions(wanted);
  if (problems.length > 0) throw new Failure('invalid', `parameters: ${problems.join('; ')}`);
}

/** The volume at its present size. Throws `out-of-range` if the limit is below that: volumes never shrink. */
export function keepSize(volume: Volume, { limit }: SizeRange): Volume {
  const size = usableSize(volume);
  if (limit === undefined || size <= limit) return volume;
  throw new Failure(
    'out-of-range',
    `volume ${volume.id} has ${size} bytes, more than the limit of ${limit}; volumes never shrink`,
  );
}
