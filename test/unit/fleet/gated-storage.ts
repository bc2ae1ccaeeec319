import { MiB } from '../../../src/domain/bytes.ts';
import { Failure } from '../../../src/domain/errors.ts';
import { noQos } from '../../../src/domain/qos.ts';
import type { Inventory, Storage } from '../../../src/domain/storage.ts';
import type { VolumeSpec } from '../../../src/domain/volume.ts';
import { emptyPool, MemoryStorage, thickSpec } from '../../support/memory-storage.ts';

export const pool = emptyPool(thickSpec('fast'), 32_768n * MiB);

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

/** Volumes in memory, with a gate before each operation that knows its signal. */
export class GatedStorage extends MemoryStorage {
  /** The operations that have started, in order. */
  readonly begun: string[] = [];
  /** Signals of the operations that have started. */
  readonly signals: AbortSignal[] = [];
  reported = true;
  reportedAt = Date.now();
  gate: (operation: string, signal: AbortSignal) => Promise<void> = async () => undefined;

  constructor(node: string) {
    super(node, [pool]);
  }

  override inventory(): Inventory {
    if (!this.reported) throw new Failure('unavailable', 'LVM has not answered yet');
    return { ...super.inventory(), reportedAt: this.reportedAt };
  }

  override async find(...[id, signal]: Parameters<Storage['find']>): ReturnType<Storage['find']> {
    await this.#begin(`find ${id}`, signal);
    return super.find(id, signal);
  }

  override async create(...[spec, signal]: Parameters<Storage['create']>): ReturnType<Storage['create']> {
    await this.#begin(`create ${spec.name}`, signal);
    return super.create(spec, signal);
  }

  override async remove(...[id, signal, goneFrom]: Parameters<Storage['remove']>): ReturnType<Storage['remove']> {
    await this.#begin(`remove ${id}`, signal);
    return super.remove(id, signal, goneFrom);
  }

  override async expand(...[id, size, signal]: Parameters<Storage['expand']>): ReturnType<Storage['expand']> {
    await this.#begin(`expand ${id}`, signal);
    return super.expand(id, size, signal);
  }

  override async modify(...[id, change, signal]: Parameters<Storage['modify']>): ReturnType<Storage['modify']> {
    await this.#begin(`modify ${id}`, signal);
    return super.modify(id, change, signal);
  }

  override async retain(...[id, signal]: Parameters<Storage['retain']>): ReturnType<Storage['retain']> {
    await this.#begin(`keep ${id}`, signal);
    return super.retain(id, signal);
  }

  async #begin(operation: string, signal: AbortSignal): Promise<void> {
    this.begun.push(operation);
    this.signals.push(signal);
    await this.gate(operation, signal);
  }
}
