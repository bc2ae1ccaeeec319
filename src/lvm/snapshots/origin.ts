import { type Bytes, largest, type SizeRange } from '../../domain/bytes.ts';
import { refuseGrowthWithIntegrity, usableSize } from '../../domain/encryption.ts';
import type { Erasure } from '../../domain/erasure.ts';
import { Failure } from '../../domain/errors.ts';
import type { LvName, NodeName, PoolName, VgName } from '../../domain/ids.ts';
import { type ContentSource, printSource, refuseOverfull, type Snapshot } from '../../domain/snapshot.ts';
import { defaultRoom, type SnapshotRoom } from '../../domain/snapshot-room.ts';
import type { VolumeLocks } from '../../domain/storage.ts';
import { contentFor, type RecordedContent, refusePassive, type Volume, type VolumeSpec } from '../../domain/volume.ts';
import type { InventoryCache } from '../cache.ts';
import { lookUp } from '../look-up.ts';
import type { Lvm } from '../process/lvm.ts';
import { decodeLv } from '../records.ts';
import { toVolume } from '../volume-records.ts';

/** The logical volume that a new volume shares its blocks with, or is copied from. */
export interface Origin {
  readonly pool: PoolName;
  readonly group: VgName;
  readonly lv: LvName;
  /** Of the logical volume. */
  readonly size: Bytes;
  /** The copy has the same. */
  readonly content: RecordedContent;
  readonly isThin: boolean;
  /** Of thick snapshots of it. */
  readonly snapshotRoom: SnapshotRoom;
  /** At its deletion; absent: none. */
  readonly erase: Erasure | undefined;
  /** Both are thin, and in one pool. */
  readonly shared: boolean;
}

interface OriginOptions {
  readonly node: NodeName;
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
}

/**
 * Looks up the source of a new volume, right before the volume is made. Throws `not-found`, `invalid` for a source whose content is lost, and
 * `unavailable` for one that is not finished.
 */
export async function originOf(options: OriginOptions, source: ContentSource, spec: VolumeSpec): Promise<Origin> {
  const found = await findSource(options, source);
  const { pool, group, lv } = found;
  const isThin = 'layout' in found ? found.layout.type === 'thin' : found.room === undefined;
  if (found.state === 'creating' || found.state === 'copying')
    throw new Failure('unavailable', `${printSource(source)} is not finished yet: try again`);
  const shown = await lookUp(options, found);
  if (!shown) throw notFound(source, options.node);
  const now = decodeLv(shown.row);
  if (now.thickSnapshot?.overfull) refuseOverfull({ id: found.id, state: 'overfull' });
  const holder = 'snapshot' in source ? found : (toVolume(now, found.pool, options.node) ?? found);
  const content = contentFor(spec, holder);
  const size = now.thickSnapshot?.originSize ?? now.size;
  const snapshotRoom = ('layout' in found && found.snapshotRoom) || defaultRoom;
  const shared = isThin && spec.layout.type === 'thin' && pool === spec.pool;
  return { pool, group, lv, size, content, isThin, snapshotRoom, erase: found.erase, shared };
}

/** The range of a copy: not less than the source. Throws `out-of-range` for a limit below that. */
export function sizeFrom(origin: Pick<Origin, 'size' | 'content'>, { required, limit }: SizeRange): SizeRange {
  const size = usableSize({ ...origin.content, size: origin.size });
  refuseGrowthWithIntegrity('a copy of this source', origin.content, required);
  if (limit === undefined) return { required: largest(required, size) };
  if (limit >= size) return { required: largest(required, size), limit };
  throw new Failure('out-of-range', `the source has ${size} bytes, more than the limit of ${limit}`);
}

/**
 * With integrity, a copy has the codes of its source: the blocks of a larger logical volume beyond them could not be read. Throws `invalid` for one. A source
 * without header has no codes yet: the first stage of its copy writes all of them.
 */
export function refuseOtherSize({ size, content }: Pick<Origin, 'size' | 'content'>, wanted: Bytes): void {
  const { encryption, headerless } = content;
  if (encryption?.type !== 'luks2' || !encryption.integrity || headerless || wanted === size) return;
  throw new Failure(
    'invalid',
    `parameters: encryptionIntegrity: the logical volume of the source has ${size} bytes, and that of the copy would have ${wanted}: use a class with the type and the stripes of the source, and a pool with the same extent size`,
  );
}

/** The spec with the range of a copy. Throws as `sizeFrom` does. */
export function sizedFrom(origin: Origin, spec: VolumeSpec): VolumeSpec {
  return { ...spec, size: sizeFrom(origin, spec.size) };
}

/** Runs the task while no call stages the source, if it is a volume: that may be without its filesystem yet. Throws `busy`. */
export async function guarding<T>(locks: VolumeLocks, source: ContentSource, task: () => Promise<T>): Promise<T> {
  return 'volume' in source ? locks.hold(source.volume, 'the creation of a copy', task) : task();
}

/** The source as it is in memory. Throws `not-found`. */
export async function findSource(
  { cache, node }: Pick<OriginOptions, 'cache' | 'node'>,
  source: ContentSource,
): Promise<Snapshot | Volume> {
  const found = 'snapshot' in source ? await cache.findSnapshot(source.snapshot) : await cache.find(source.volume);
  if (!found) throw notFound(source, node);
  if ('layout' in found) refusePassive(found);
  return found;
}

function notFound(source: ContentSource, node: NodeName): Failure {
  return new Failure('not-found', `the source ${printSource(source)} does not exist on node ${node}`);
}
