import { createLocks } from '../../src/concurrency/locks.ts';
import { MiB, type SizeRange } from '../../src/domain/bytes.ts';
import { chooseSize, refuseGrowth, roundedSize, withOverhead } from '../../src/domain/capacity.ts';
import { refuseGrowthWithIntegrity } from '../../src/domain/encryption.ts';
import { incompatibilities } from '../../src/domain/compatibility.ts';
import { Failure } from '../../src/domain/errors.ts';
import type { Condition } from '../../src/domain/health.ts';
import { type NodeName, type PoolName, type VgName, type VolumeId, volumeIdFor } from '../../src/domain/ids.ts';
import { noNews } from '../../src/domain/news.ts';
import type { Pool, PoolSpec } from '../../src/domain/pool.ts';
import { contradictions, refuseReservation } from '../../src/domain/reservations.ts';
import { applyChange, type QosChange } from '../../src/domain/qos.ts';
import type { Inventory, Storage } from '../../src/domain/storage.ts';
import {
  contentFor,
  knownLayout,
  refuseCopying,
  refusePassive,
  type Volume,
  type VolumeSpec,
} from '../../src/domain/volume.ts';
import { sizeFrom } from '../../src/lvm/snapshots/origin.ts';
import { lvNameFor } from '../../src/lvm/names.ts';
import { MemoryGroupSnapshots } from './memory-group-snapshots.ts';
import { MemorySnapshots } from './memory-snapshots.ts';
import { afterGrowth } from '../../src/lvm/prediction.ts';

export function thickSpec(name: string, change: Partial<PoolSpec> = {}): PoolSpec {
  return {
    name: name as PoolName,
    group: `vg-${name}` as VgName,
    type: 'thick',
    approve: 'manual',
    stripes: 1,
    stripeSize: 65_536n,
    mirrors: 0,
    reserve: 0n,
    ...change,
  };
}

/** An empty pool of one disk of `size` bytes. */
export function emptyPool(spec: PoolSpec, size: bigint): Pool {
  const metadata = { size: 32n * MiB, free: 16n * MiB };
  return { spec, extentSize: 4n * MiB, size, free: size, deviceFree: [size], metadata };
}

export type Operation = 'create' | 'remove' | 'expand' | 'modify' | 'retain' | 'record' | 'find';

/** A node's volumes without LVM: the contract tests hold it to the behaviour of LocalStorage. */
export class MemoryStorage implements Storage {
  readonly node: NodeName;
  readonly pools = new Map<PoolName, Pool>();
  readonly #unready = new Map<PoolName, string>();
  readonly volumes = new Map<VolumeId, Volume>();
  readonly health = new Map<string, readonly Condition[]>();
  news = noNews;
  readonly snapshots = new MemorySnapshots(this);
  readonly groupSnapshots = new MemoryGroupSnapshots(this);
  /** Volumes that were created here and given to other nodes. */
  readonly given = new Map<VolumeId, NodeName>();
  readonly #locks: ReturnType<typeof createLocks>;
  readonly #away = new Map<PoolName, { readonly pool: Pool; readonly volumes: readonly Volume[] }>();
  readonly #defaultPool: PoolName | undefined;
  /** Called before and after the work of an operation; the caller gets the error that it throws, whether or not the work was done. */
  interrupt: (operation: Operation, when: 'before' | 'after', id: VolumeId) => Promise<void> = async () => undefined;
  /** Called after each change. */
  changed: () => void = () => undefined;

  constructor(node: string, pools: readonly Pool[], locks = createLocks()) {
    this.node = node as NodeName;
    this.#locks = locks;
    for (const pool of pools) this.pools.set(pool.spec.name, pool);
    this.#defaultPool = pools[0]?.spec.name;
  }

  inventory(): Inventory {
    const { pools, volumes, given } = this;
    return {
      pools,
      volumes,
      snapshots: this.snapshots.all,
      given,
      unready: this.#unready,
      health: this.health,
      reportedAt: Date.now(),
      defaultPool: this.#defaultPool,
      news: this.news,
    };
  }

  putPool(pool: Pool): void {
    this.#unready.delete(pool.spec.name);
    this.pools.set(pool.spec.name, pool);
    this.changed();
  }

  loseReadiness(name: PoolName, reason: string): void {
    this.pools.delete(name);
    this.#unready.set(name, reason);
    this.changed();
  }

  async find(id: VolumeId, _signal: AbortSignal): Promise<Volume | undefined> {
    // Like LocalStorage: a creation in flight is known before anything is read.
    if (this.#locks.holder(id) === 'CreateVolume') this.#find(id);
    return this.#during('find', id, () => this.#find(id));
  }

  #find(id: VolumeId): Volume | undefined {
    this.#refuseGiven(id);
    const volume = this.volumes.get(id);
    if (volume) return volume;
    if (this.#locks.holder(id) === 'CreateVolume') throw new Failure('busy', `volume ${id} is being created`);
    if (this.#away.size > 0) throw new Failure('unavailable', `volume ${id} may be in a group that is away`);
    return undefined;
  }

  /** Uses up the remaining room. */
  fill(name: PoolName): void {
    const pool = this.pools.get(name);
    if (pool) this.putPool({ ...pool, free: 0n, deviceFree: [] });
  }

  /** Hides the pool's group and its volumes until it comes back. */
  vanish(name: PoolName): void {
    const pool = this.pools.get(name);
    if (!pool) return;
    const volumes = [...this.volumes.values()].filter((volume) => volume.pool === name);
    for (const { id } of volumes) this.volumes.delete(id);
    this.#away.set(name, { pool, volumes });
    this.loseReadiness(name, 'its group is away');
  }

  comeBack(name: PoolName): void {
    const away = this.#away.get(name);
    if (!away) return;
    this.#away.delete(name);
    for (const volume of away.volumes) this.volumes.set(volume.id, volume);
    this.putPool(away.pool);
  }

  async create(spec: VolumeSpec, _signal: AbortSignal): Promise<Volume> {
    const lv = lvNameFor(spec.name);
    const id = volumeIdFor(this.node, lv);
    using _lock = this.#locks.acquire(id, 'CreateVolume');
    return await this.#during('create', id, () => {
      if (!this.pools.has(spec.pool)) this.#refuseAway(id);
      this.#refuseGiven(id);
      const existing = this.volumes.get(id);
      if (existing) return reuse(existing, spec);
      const pool = this.#pool(spec.pool);
      const { name, layout, mkfsOptions, qos, snapshotRoom, source, erase } = spec;
      const origin = source && this.snapshots.originOf(source);
      const content = contentFor(spec, origin);
      const range = origin ? sizeFrom({ size: origin.size, content }, spec.size) : spec.size;
      const size = chooseSize(pool, layout, withOverhead(range, spec.encryption));
      refuseContradictions({ qos, size });
      refuseReservation(pool, this.volumes.values(), id, { qos, size });
      const place = { node: this.node, pool: spec.pool, group: pool.spec.group, lv };
      const given = { ...(snapshotRoom && { snapshotRoom }), ...(source && { source }), ...(erase && { erase }) };
      const made = { ...place, ...content, ...given, state: 'ready' as const };
      const volume: Volume = { id, name, size, layout, mkfsOptions, qos, ...made };
      return this.#put(volume, afterGrowth(pool, layout, size));
    });
  }

  async remove(id: VolumeId, _signal: AbortSignal, goneFrom?: NodeName): Promise<void> {
    using _lock = this.#locks.acquire(id, 'DeleteVolume');
    await this.#during('remove', id, () => {
      this.#refuseGiven(id, goneFrom);
      if (goneFrom !== undefined) this.given.delete(id);
      const volume = this.volumes.get(id);
      if (!volume) return;
      if (goneFrom === undefined && id.startsWith(`${this.node}:`) && volume.role !== 'leaving') refusePassive(volume);
      this.snapshots.refuseThick(id);
      this.volumes.delete(id);
      const pool = this.pools.get(volume.pool);
      if (pool) this.pools.set(volume.pool, afterGrowth(pool, knownLayout(volume), -volume.size));
      this.changed();
    });
  }

  async expand(id: VolumeId, size: SizeRange, _signal: AbortSignal): Promise<Volume> {
    using _lock = this.#locks.acquire(id, 'ControllerExpandVolume');
    return await this.#during('expand', id, () => {
      const volume = this.#mustGet(id);
      refusePassive(volume);
      refuseCopying(volume);
      const pool = this.#pool(volume.pool);
      refuseGrowthWithIntegrity(`volume ${id}`, volume, size.required);
      const wanted = roundedSize(pool, knownLayout(volume), withOverhead(size, volume.encryption));
      if (volume.size >= wanted) return keep(volume, size);
      this.snapshots.refuseThick(id);
      refuseGrowth(pool, knownLayout(volume), volume.size, wanted);
      refuseReservation(pool, this.volumes.values(), id, { qos: volume.qos, size: wanted }, volume);
      return this.#put({ ...volume, size: wanted }, afterGrowth(pool, knownLayout(volume), wanted - volume.size));
    });
  }

  async modify(id: VolumeId, change: QosChange, _signal: AbortSignal): Promise<Volume> {
    using _lock = this.#locks.acquire(id, 'ControllerModifyVolume');
    return await this.#during('modify', id, () => {
      const volume = this.#mustGet(id);
      refusePassive(volume);
      const wanted = { ...volume, qos: applyChange(volume.qos, change) };
      refuseContradictions(wanted);
      const pool = this.#pool(volume.pool);
      refuseReservation(pool, this.volumes.values(), id, wanted, volume);
      return this.#put(wanted, pool);
    });
  }

  retain(id: VolumeId, _signal: AbortSignal): Promise<Volume> {
    return this.#mark('retain', id, { retained: true });
  }

  record(id: VolumeId, persistentVolume: string, _signal: AbortSignal): Promise<Volume> {
    return this.#mark('record', id, { persistentVolume });
  }

  async #mark(operation: Operation, id: VolumeId, mark: Partial<Volume>): Promise<Volume> {
    using _lock = this.#locks.acquire(id, operation);
    const marked = () => ({ ...this.#mustGet(id), ...mark });
    return await this.#during(operation, id, () => this.#put(marked(), this.#pool(marked().pool)));
  }

  async #during<T>(operation: Operation, id: VolumeId, act: () => T): Promise<T> {
    await this.interrupt(operation, 'before', id);
    const result = act();
    await this.interrupt(operation, 'after', id);
    return result;
  }

  #put(volume: Volume, pool: Pool): Volume {
    this.volumes.set(volume.id, volume);
    this.pools.set(volume.pool, pool);
    this.changed();
    return volume;
  }

  #refuseAway(id: VolumeId): void {
    if (this.volumes.has(id) || this.#away.size > 0) {
      throw new Failure('unavailable', `volume ${id} may be in a pool that is not ready`);
    }
  }

  #refuseGiven(id: VolumeId, except?: NodeName): void {
    const node = this.given.get(id);
    if (node !== undefined && node !== except) throw new Failure('elsewhere', `volume ${id} was given`, { node });
  }

  #mustGet(id: VolumeId): Volume {
    this.#refuseGiven(id);
    const volume = this.volumes.get(id);
    if (!volume) throw new Failure('not-found', `volume ${id} does not exist on node ${this.node}`);
    return volume;
  }

  #pool(name: PoolName): Pool {
    const pool = this.pools.get(name);
    if (pool) return pool;
    const reason = this.#unready.get(name);
    throw reason === undefined
      ? new Failure('invalid', `there is no pool "${name}"`)
      : new Failure('exhausted', `pool ${name} is not ready on node ${this.node}: ${reason}`);
  }
}

function reuse(volume: Volume, spec: VolumeSpec): Volume {
  const problems = incompatibilities(volume, spec).join('; ');
  refusePassive(volume);
  if (problems !== '') throw new Failure('exists', `volume "${spec.name}" exists and does not fit: ${problems}`);
  return volume;
}

function keep(volume: Volume, { limit }: SizeRange): Volume {
  if (limit === undefined || volume.size <= limit) return volume;
  throw new Failure('out-of-range', `volume ${volume.id} has ${volume.size} bytes; volumes never shrink`);
}

function refuseContradictions(wanted: Pick<Volume, 'qos' | 'size'>): void {
  for (const problem of contradictions(wanted)) throw new Failure('invalid', problem);
}
