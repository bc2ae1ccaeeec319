import { MiB } from '../../src/domain/bytes.ts';
import { type BlockQuery, clip, type Extent } from '../../src/domain/changed-blocks.ts';
import { Failure } from '../../src/domain/errors.ts';
import { type SnapshotId, snapshotIdFor, type VolumeId } from '../../src/domain/ids.ts';
import {
  type ContentSource,
  printSource,
  refuseOtherSource,
  type Snapshot,
  type Snapshots,
  type SnapshotSpec,
} from '../../src/domain/snapshot.ts';
import { defaultRoom, roomFor } from '../../src/domain/snapshot-room.ts';
import { snapshotLvNameFor } from '../../src/lvm/names.ts';
import { contentIn, type RecordedContent, type Volume } from '../../src/domain/volume.ts';
import { refuseCopied } from '../../src/lvm/snapshots/snapshots.ts';
import type { MemoryStorage } from './memory-storage.ts';

/** Bytes. */
export const memoryBlock = 65_536n;

/** A node's snapshots without LVM. */
export class MemorySnapshots implements Snapshots {
  readonly all = new Map<SnapshotId, Snapshot>();
  /** The blocks that were written, each with its content; absent: none. */
  readonly #written = new Map<SnapshotId | VolumeId, ReadonlyMap<bigint, string>>();
  readonly #storage: Pick<MemoryStorage, 'node' | 'volumes' | 'changed'>;

  constructor(storage: Pick<MemoryStorage, 'node' | 'volumes' | 'changed'>) {
    this.#storage = storage;
  }

  async find(id: SnapshotId): Promise<Snapshot | undefined> {
    return this.all.get(id);
  }

  async take(spec: SnapshotSpec): Promise<Snapshot> {
    const { node, volumes } = this.#storage;
    const lv = snapshotLvNameFor(spec.name);
    const id = snapshotIdFor(node, lv);
    const existing = this.all.get(id);
    if (existing) refuseOtherSource(existing, spec);
    if (existing) return existing;
    const volume = volumes.get(spec.source);
    if (!volume) throw new Failure('not-found', `volume ${spec.source} does not exist`);
    refuseUnfinished(volume);
    const { pool, group, size } = volume;
    const place = { node, pool, group, lv, size, ...contentIn(volume) };
    const { name, source, room = volume.snapshotRoom ?? defaultRoom } = spec;
    const own = volume.layout.type === 'thick' && { room: roomFor(room, size, 4n * MiB) };
    const snapshot: Snapshot = { id, name, source, ...place, ...own, taken: Date.now(), state: 'ready' };
    this.all.set(id, snapshot);
    this.#written.set(id, this.#blocksOf(spec.source));
    this.#storage.changed();
    return snapshot;
  }

  async remove(id: SnapshotId): Promise<void> {
    if (this.all.get(id)?.memberOf) throw new Failure('invalid', `snapshot ${id} is a member of a group snapshot`);
    refuseCopied(`snapshot ${id}`, id, this.#storage.volumes.values());
    this.all.delete(id);
    this.#written.delete(id);
    this.#storage.changed();
  }

  /** Writes a block of a volume. */
  write(volume: VolumeId, block: bigint, content: string): void {
    this.#written.set(volume, new Map(this.#blocksOf(volume)).set(block, content));
  }

  async *blocks({ snapshot, base, from }: BlockQuery): AsyncGenerator<readonly Extent[], void> {
    const { size } = this.#thinOf(snapshot);
    if (base) this.#thinOf(base);
    const [before, after] = [base && this.#blocksOf(base), this.#blocksOf(snapshot)];
    const blocks = [...new Set([...(before?.keys() ?? []), ...after.keys()])].sort((a, b) => (a < b ? -1 : 1));
    for (const block of blocks) {
      if (before && before.get(block) === after.get(block)) continue;
      const extent = clip({ start: block * memoryBlock, length: memoryBlock }, from, size);
      if (extent) yield [extent];
    }
  }

  #thinOf(id: SnapshotId): Snapshot {
    const found = this.all.get(id);
    if (!found) throw new Failure('not-found', `snapshot ${id} does not exist`);
    if (found.room === undefined) return found;
    throw new Failure('precondition', `snapshot ${id} is thick`);
  }

  #blocksOf(id: SnapshotId | VolumeId): ReadonlyMap<bigint, string> {
    return this.#written.get(id) ?? new Map();
  }

  /** Throws `precondition` for a volume with thick snapshots. */
  refuseThick(volume: VolumeId): void {
    const thick = [...this.all.values()].filter(({ source, room }) => source === volume && room !== undefined);
    if (thick.length > 0)
      throw new Failure('precondition', `volume ${volume} has snapshots (${thick.map(({ id }) => id).join(', ')})`);
  }

  /** Throws `not-found`. */
  originOf(source: ContentSource): Pick<Snapshot, 'size'> & RecordedContent {
    const found = 'snapshot' in source ? this.all.get(source.snapshot) : this.#storage.volumes.get(source.volume);
    if (found) return found;
    throw new Failure('not-found', `the source ${printSource(source)} does not exist`);
  }
}

/** As `LocalSnapshots` does. Throws `unavailable`. */
export function refuseUnfinished({ id, state }: Pick<Volume, 'id' | 'state'>): void {
  if (state !== 'ready') throw new Failure('unavailable', `volume ${id} is not finished yet: try again`);
}
