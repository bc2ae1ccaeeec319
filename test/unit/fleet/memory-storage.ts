import { Failure } from '../../../src/domain/errors.ts';
import {
  type LvName,
  type NodeName,
  type PoolName,
  type VgName,
  type VolumeId,
  volumeIdFor,
} from '../../../src/domain/ids.ts';
import type { Pool } from '../../../src/domain/pool.ts';
import { applyChange, noQos } from '../../../src/domain/qos.ts';
import type { Inventory, Storage } from '../../../src/domain/storage.ts';
import type { Volume, VolumeSpec } from '../../../src/domain/volume.ts';

const MiB = 1024n * 1024n;

export const pool: Pool = {
  spec: {
    name: 'fast' as PoolName,
    group: 'vg' as VgName,
    type: 'thick',
    approve: 'manual',
    stripes: 1,
    stripeSize: 65_536n,
    mirrors: 0,
    reserve: 0n,
  },
  extentSize: 4n * MiB,
  size: 1024n * MiB,
  free: 1024n * MiB,
  deviceFree: [1024n * MiB],
  metadata: { size: 32n * MiB, free: 16n * MiB },
};

export function specOf(name: string): VolumeSpec {
  return {
    name,
    pool: pool.spec.name,
    layout: { type: 'thick', stripes: 1, stripeSize: 65_536n, mirrors: 0 },
    size: { required: 8n * MiB },
    mkfsOptions: [],
    qos: noQos,
  };
}

/** Volumes in memory, with a gate before each operation. */
export class MemoryStorage implements Storage {
  readonly node: NodeName;
  readonly volumes = new Map<VolumeId, Volume>();
  readonly pools = new Map([[pool.spec.name, pool]]);
  /** What was begun, in order. */
  readonly begun: string[] = [];
  /** Signals of the operations that were begun. */
  readonly signals: AbortSignal[] = [];
  reported = true;
  reportedAt = Date.now();
  gate: (operation: string, signal: AbortSignal) => Promise<void> = async () => undefined;

  constructor(node: string) {
    this.node = node as NodeName;
  }

  inventory(): Inventory {
    if (!this.reported) throw new Failure('unavailable', 'LVM has not answered yet');
    const { pools, volumes, reportedAt } = this;
    return { pools, volumes, reportedAt, unready: new Map(), defaultPool: pool.spec.name };
  }

  async find(id: VolumeId, signal: AbortSignal): Promise<Volume | undefined> {
    await this.#begin(`find ${id}`, signal);
    return this.volumes.get(id);
  }

  async create(spec: VolumeSpec, signal: AbortSignal): Promise<Volume> {
    await this.#begin(`create ${spec.name}`, signal);
    const lv = spec.name as LvName;
    const id = volumeIdFor(this.node, lv);
    const { name, layout, mkfsOptions, qos } = spec;
    const rest = { group: pool.spec.group, size: spec.size.required, filesystem: 'none', state: 'ready' } as const;
    const volume = { id, node: this.node, lv, name, pool: spec.pool, layout, mkfsOptions, qos, ...rest };
    this.volumes.set(id, volume);
    return volume;
  }

  async remove(id: VolumeId, signal: AbortSignal): Promise<void> {
    await this.#begin(`remove ${id}`, signal);
    this.volumes.delete(id);
  }

  async expand(...[id, size, signal]: Parameters<Storage['expand']>): Promise<Volume> {
    await this.#begin(`expand ${id}`, signal);
    return this.#change(id, { size: size.required });
  }

  async modify(...[id, change, signal]: Parameters<Storage['modify']>): Promise<Volume> {
    await this.#begin(`modify ${id}`, signal);
    return this.#change(id, { qos: applyChange(this.#mustHave(id).qos, change) });
  }

  async keep(...[id, signal]: Parameters<Storage['keep']>): Promise<Volume> {
    await this.#begin(`keep ${id}`, signal);
    return this.#change(id, { kept: true });
  }

  async #begin(operation: string, signal: AbortSignal): Promise<void> {
    this.begun.push(operation);
    this.signals.push(signal);
    await this.gate(operation, signal);
  }

  #change(id: VolumeId, change: Partial<Volume>): Volume {
    const volume = { ...this.#mustHave(id), ...change };
    this.volumes.set(id, volume);
    return volume;
  }

  #mustHave(id: VolumeId): Volume {
    const volume = this.volumes.get(id);
    if (volume) return volume;
    throw new Failure('not-found', `volume ${id} does not exist on node ${this.node}`);
  }
}
