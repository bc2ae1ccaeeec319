import { Failure } from '../domain/errors.ts';
import type { LvName, PoolName, VolumeId } from '../domain/ids.ts';
import type { Pool, PoolSpec } from '../domain/pool.ts';
import type { Inventory } from '../domain/storage.ts';
import type { Volume } from '../domain/volume.ts';
import { type LvmReport, readReport, thinPoolName, thinPoolOf, toInventory } from './inventory.ts';
import type { Lvm } from './lvm.ts';

/**
 * The inventory in memory: the last report, with what was changed since. A report that ran beside a change may have seen
 * either side of it, so whatever was changed after the report began keeps the state that the change left.
 */
export class InventoryCache {
  readonly #lvm: Lvm;
  readonly #specs: readonly PoolSpec[];
  #inventory: Inventory | undefined;
  #report: LvmReport | undefined;
  #generation = 0;
  readonly #changedVolumes = new Map<VolumeId, number>();
  readonly #changedPools = new Map<PoolName, number>();

  constructor(lvm: Lvm, specs: readonly PoolSpec[]) {
    this.#lvm = lvm;
    this.#specs = specs;
  }

  /** Throws `unavailable` before the first report. */
  current(): Inventory {
    if (!this.#inventory) throw new Failure('unavailable', 'LVM has not answered yet');
    return this.#inventory;
  }

  get reported(): boolean {
    return this.#inventory !== undefined;
  }

  thinPoolLv(spec: PoolSpec): LvName {
    return (this.#report && thinPoolOf(this.#report, spec.group)?.lv) ?? thinPoolName;
  }

  /** Reads all of it anew. Throws `unavailable`, with the inventory left as it was. */
  async refresh(): Promise<Inventory> {
    const before = this.#generation;
    const report = await readReport(this.#lvm);
    const fresh = toInventory(this.#specs, report, Date.now());
    const volumes = new Map(fresh.volumes);
    const pools = new Map(fresh.pools);
    for (const [id, at] of this.#changedVolumes) {
      if (at <= before) this.#changedVolumes.delete(id);
      else copyEntry(this.#inventory?.volumes, volumes, id);
    }
    for (const [name, at] of this.#changedPools) {
      if (at <= before) this.#changedPools.delete(name);
      else if (fresh.pools.has(name)) copyEntry(this.#inventory?.pools, pools, name);
    }
    this.#report = report;
    this.#inventory = { ...fresh, volumes, pools };
    return this.#inventory;
  }

  put(volume: Volume): void {
    this.#change(volume.id, (volumes) => volumes.set(volume.id, volume));
  }

  drop(id: VolumeId): void {
    this.#change(id, (volumes) => volumes.delete(id));
  }

  putPool(pool: Pool): void {
    const { pools } = this.current();
    this.#generation += 1;
    this.#changedPools.set(pool.spec.name, this.#generation);
    (pools as Map<PoolName, Pool>).set(pool.spec.name, pool);
  }

  #change(id: VolumeId, edit: (volumes: Map<VolumeId, Volume>) => void): void {
    const { volumes } = this.current();
    this.#generation += 1;
    this.#changedVolumes.set(id, this.#generation);
    edit(volumes as Map<VolumeId, Volume>);
  }
}

function copyEntry<K, V>(from: ReadonlyMap<K, V> | undefined, to: Map<K, V>, key: K): void {
  const value = from?.get(key);
  if (value === undefined) to.delete(key);
  else to.set(key, value);
}
