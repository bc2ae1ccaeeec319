import { isDeepStrictEqual } from 'node:util';
import { Failure } from '../domain/errors.ts';
import { createSharedRuns } from '../concurrency/shared-runs.ts';
import type { Inability } from '../domain/encryption.ts';
import type { GroupStates } from '../domain/groups.ts';
import { type Condition, type Health, joinHealth } from '../domain/health.ts';
import type { LvName, NodeName, PoolName, SnapshotId, VgName, VolumeId } from '../domain/ids.ts';
import type { Pool, PoolSpec } from '../domain/pool.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Inventory } from '../domain/storage.ts';
import type { Volume } from '../domain/volume.ts';
import { Changes } from './changes.ts';
import { elsewhere, type GivenFrom, givenFrom, onlyRecord } from './given.ts';
import { healthIn } from './health.ts';
import {
  contestedIds,
  type LvmReport,
  ofKnownGroups,
  readReport,
  thinPoolOf,
  toInventory,
  whyAway,
} from './inventory.ts';
import type { Lvm } from './process/lvm.ts';
import { KnownGroups } from './known-groups.ts';
import { thinPoolName } from './names.ts';

/**
 * The inventory in memory: the last report and the changes since. A report that ran during a change may show the state before or
 * after it, so an entry that was changed after the report began keeps the changed state.
 */
export class InventoryCache {
  readonly #lvm: Pick<Lvm, 'report'>;
  readonly #node: NodeName;
  readonly specs: readonly PoolSpec[];
  readonly groups = new KnownGroups();
  readonly #refreshed: () => void;
  #inventory: Inventory | undefined;
  #report: LvmReport | undefined;
  #contested: ReadonlyMap<VolumeId | SnapshotId, readonly string[]> = new Map();
  #given: ReadonlyMap<VolumeId, readonly GivenFrom[]> = new Map();
  #generation = 0;
  /**
   * Reads LVM's state. Throws `unavailable` and keeps the old inventory if LVM gives no report. Calls that come while a report runs share the next
   * one: while a disk hangs, each report takes until its deadline.
   */
  readonly refresh: () => Promise<Inventory> = createSharedRuns(() => this.#read());
  readonly #suspended = new Map<PoolName, string>();
  /** Takes effect with the next report. */
  inability: Inability = {};
  #observed: ReadonlyMap<VolumeId, readonly Condition[]> = new Map();
  /** According to LVM alone. */
  #health: Health = new Map();
  readonly #changedVolumes = new Changes<VolumeId, Volume>();
  readonly #changedSnapshots = new Changes<SnapshotId, Snapshot>();
  readonly #changedPools = new Changes<PoolName, Pool>();

  /** @param refreshed called after each report */
  constructor(
    lvm: Pick<Lvm, 'report'>,
    node: NodeName,
    specs: readonly PoolSpec[],
    refreshed: () => void = () => undefined,
  ) {
    this.#refreshed = refreshed;
    this.#lvm = lvm;
    this.#node = node;
    this.specs = specs;
  }

  /** Throws `unavailable` before the first report. */
  current(): Inventory {
    if (!this.#inventory) throw new Failure('unavailable', 'LVM has not answered yet');
    return this.#inventory;
  }

  /** The last report, without the changes since. Throws `unavailable` before the first report. */
  report(): LvmReport {
    if (!this.#report) throw new Failure('unavailable', 'LVM has not answered yet');
    return this.#report;
  }

  /** The paths of the group's disks in the last report; none before it. */
  devicesOf(group: VgName): string[] {
    const devices = this.#report?.devices.filter((device) => device.group === group) ?? [];
    return devices.map(({ device }) => device);
  }

  get reported(): boolean {
    return this.#inventory !== undefined;
  }

  /** Sets which groups belong to the pools, from the next report on. */
  identify(states: GroupStates): void {
    this.groups.identify(states);
  }

  /** Sets the group apart, from the next report on: LVM gives no answer about it, for `reason`. Its volumes are neither shown nor absent. */
  setApart(group: VgName, reason: string): void {
    this.groups.setApart(group, reason, this.#inventory);
  }

  /** Why a pool's group that LVM does not show may come back; `undefined` if LVM shows it or it never existed. */
  away(group: VgName): string | undefined {
    return this.report().groups.some((vg) => vg.group === group) ? undefined : whyAway(group, this.groups.states());
  }

  /**
   * `undefined` only if a report proves that the volume does not exist. Throws `unavailable` otherwise: before the first report,
   * because LVM may not see our disks yet; while a group that may come back is away; and while none of the pools' groups is here,
   * because an existing id belongs to a volume in one of them. The last does not hold with `mayBeNew`: the volume may not exist yet.
   * Throws `elsewhere`, except for a volume that is `goneFrom` the node that it was given to.
   */
  async find(
    id: VolumeId,
    { mayBeNew = false, goneFrom }: { mayBeNew?: boolean; goneFrom?: NodeName | undefined } = {},
  ): Promise<Volume | undefined> {
    const volume = this.current().volumes.get(id) ?? (await this.refresh()).volumes.get(id);
    this.refuseContested(id);
    this.refuseGiven(id, goneFrom);
    if (!volume) this.refuseUnproven(`volume ${id}`, { mayBeNew });
    return volume;
  }

  /** The same for a snapshot. */
  async findSnapshot(id: SnapshotId, { mayBeNew = false } = {}): Promise<Snapshot | undefined> {
    const snapshot = this.current().snapshots.get(id) ?? (await this.refresh()).snapshots.get(id);
    this.refuseContested(id);
    if (!snapshot) this.refuseUnproven(`snapshot ${id}`, { mayBeNew, newSnapshot: mayBeNew ? id : undefined });
    return snapshot;
  }

  /**
   * Throws `unavailable` unless the last report proves that the volume or snapshot does not exist. A new snapshot, or group of them, is not in a
   * group that was set apart without it, because snapshots are where their source is.
   */
  refuseUnproven(
    what: string,
    { mayBeNew = false, newSnapshot }: { mayBeNew?: boolean; newSnapshot?: string | undefined },
  ): void {
    const possible = this.specs.filter(
      ({ group }) => newSnapshot === undefined || !this.groups.wasWithout(group, newSnapshot),
    );
    const away = possible.flatMap(({ group }) => this.away(group) ?? []);
    if (away.length > 0) {
      throw new Failure('unavailable', `${what} may be in a missing volume group: ${away.join('; ')}`);
    }
    const none = this.specs.every(({ group }) => !this.report().groups.some((vg) => vg.group === group));
    if (none && !mayBeNew) {
      throw new Failure(
        'unavailable',
        `${what} cannot be looked up: all volume groups of this node's pools are missing`,
      );
    }
  }

  spec(pool: PoolName): PoolSpec | undefined {
    return this.specs.find(({ name }) => name === pool);
  }

  /** Takes a pool out of service for `reason`, from the next report on; `undefined` puts it back. Returns whether that is new. */
  suspend(pool: PoolName, reason: string | undefined): boolean {
    if (this.#suspended.get(pool) === reason) return false;
    if (reason === undefined) this.#suspended.delete(pool);
    else this.#suspended.set(pool, reason);
    return true;
  }

  /** Throws `precondition` if several logical volumes claim the id: using the wrong one could expose or delete another volume's data. */
  refuseContested(id: VolumeId | SnapshotId): void {
    const claims = this.#contested.get(id);
    if (!claims) return;
    throw new Failure(
      'precondition',
      `several logical volumes have the tags of ${id}: ${claims.join(', ')}. None of them is used: remove the tag quarry.id from the wrong ones`,
    );
  }

  /** The record that the volume was given to another node. Throws `precondition` if there are several. */
  given(id: VolumeId): GivenFrom | undefined {
    return onlyRecord(id, this.#given.get(id) ?? []);
  }

  /** Throws `elsewhere` if the volume was given to a node other than `except`. */
  refuseGiven(id: VolumeId, except?: NodeName): void {
    const record = this.given(id);
    if (record && record.to !== except) throw elsewhere(record);
  }

  thinPoolLv(spec: PoolSpec): LvName {
    return (this.#report && thinPoolOf(this.#report, spec.group)?.lv) ?? thinPoolName;
  }

  async #read(): Promise<Inventory> {
    const before = this.#generation;
    const read = await readReport(this.#lvm);
    const states = this.groups.states();
    const report = ofKnownGroups(read, states);
    const beyond = { suspended: this.#suspended, states, inability: this.inability };
    const fresh = toInventory(this.#node, this.specs, report, beyond, Date.now());
    const known = this.#inventory;
    const volumes = this.#changedVolumes.merge(fresh.volumes, known?.volumes, before);
    const snapshots = this.#changedSnapshots.merge(fresh.snapshots, known?.snapshots, before);
    const pools = this.#changedPools.merge(fresh.pools, known?.pools, before, { onlyShown: true });
    this.#report = report;
    this.#contested = contestedIds(this.#node, this.specs, report);
    this.#given = givenFrom(this.#node, this.specs, report.groups);
    this.#health = healthIn(this.specs, report, { unready: fresh.unready, states });
    this.#inventory = { ...fresh, volumes, pools, snapshots, health: joinHealth(this.#health, this.#observed) };
    this.#refreshed();
    return this.#inventory;
  }

  /** Sets what the kernel shows to be wrong with these volumes, until they are observed again. */
  observe(found: ReadonlyMap<VolumeId, readonly Condition[]>): void {
    const inventory = this.current();
    const all = new Map([...this.#observed, ...found]);
    const observed = new Map([...all].filter(([id, shown]) => shown.length > 0 && inventory.volumes.has(id)));
    if (isDeepStrictEqual(observed, this.#observed)) return;
    this.#observed = observed;
    this.#inventory = { ...inventory, health: joinHealth(this.#health, observed) };
    this.#refreshed();
  }

  put(volume: Volume): void {
    this.#change(this.current().volumes, this.#changedVolumes, volume.id, volume);
  }

  drop(id: VolumeId): void {
    this.#change(this.current().volumes, this.#changedVolumes, id);
  }

  putSnapshot(snapshot: Snapshot): void {
    this.#change(this.current().snapshots, this.#changedSnapshots, snapshot.id, snapshot);
  }

  dropSnapshot(id: SnapshotId): void {
    this.#change(this.current().snapshots, this.#changedSnapshots, id);
  }

  putPool(pool: Pool): void {
    this.#change(this.current().pools, this.#changedPools, pool.spec.name, pool);
  }

  /** Without a value the entry is removed. */
  #change<Key, Value>(shown: ReadonlyMap<Key, Value>, changes: Changes<Key, Value>, key: Key, value?: Value): void {
    changes.note(key, (this.#generation += 1));
    const map = shown as Map<Key, Value>;
    if (value === undefined) map.delete(key);
    else map.set(key, value);
  }
}
