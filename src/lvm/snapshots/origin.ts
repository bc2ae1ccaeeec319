import { type Bytes, largest, type SizeRange } from '../../domain/bytes.ts';
import { Failure } from '../../domain/errors.ts';
import type { LvName, NodeName } from '../../domain/ids.ts';
import { type ContentSource, printSource, refuseOverfull, type Snapshot } from '../../domain/snapshot.ts';
import { type FilesystemState, refusePassive, type Volume, type VolumeSpec } from '../../domain/volume.ts';
import type { InventoryCache } from '../cache.ts';
import { lookUp } from '../look-up.ts';
import type { Lvm } from '../process/lvm.ts';
import { decodeLv, toVolume } from '../records.ts';

/** The logical volume that a new volume shares its blocks with, or is copied from. */
export interface Origin {
  readonly lv: LvName;
  readonly size: Bytes;
  readonly filesystem: FilesystemState;
  /** Both are thin. */
  readonly shared: boolean;
}

interface OriginOptions {
  readonly node: NodeName;
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
}

/**
 * Looks up the source of a new volume, right before the volume is made. Throws `not-found`, `invalid` for a source in another pool and for one whose
 * content is lost, `unimplemented` for a thick volume from a thin source, and `unavailable` for a source that is not finished.
 */
export async function originOf(options: OriginOptions, source: ContentSource, spec: VolumeSpec): Promise<Origin> {
  const found = await find(options, source);
  if (!found) throw notFound(source, options.node);
  const isThick = 'layout' in found ? found.layout.type !== 'thin' : found.room !== undefined;
  if (!isThick && spec.layout.type === 'thick')
    throw new Failure('unimplemented', `volume "${spec.name}" is thick, and its source is thin: both must be thin`);
  if (found.state === 'creating' || found.state === 'copying')
    throw new Failure('unavailable', `${printSource(source)} is not finished yet: try again`);
  if (found.pool !== spec.pool)
    throw new Failure('invalid', `the source is in pool ${found.pool}: volume "${spec.name}" must be in the same pool`);
  const shown = await lookUp(options, found);
  if (!shown) throw notFound(source, options.node);
  const now = decodeLv(shown.row);
  if (now.thickSnapshot?.overfull) refuseOverfull({ id: found.id, state: 'overfull' });
  const { filesystem } = 'snapshot' in source ? found : (toVolume(now, found.pool, options.node) ?? found);
  const size = now.thickSnapshot?.originSize ?? now.size;
  return { lv: found.lv, size, filesystem, shared: !isThick };
}

/** The range of a copy: not less than the source. Throws `out-of-range` for a limit below that. */
export function sizeFrom(origin: Pick<Origin, 'size'>, { required, limit }: SizeRange): SizeRange {
  if (limit === undefined) return { required: largest(required, origin.size) };
  if (limit >= origin.size) return { required: largest(required, origin.size), limit };
  throw new Failure('out-of-range', `the source has ${origin.size} bytes, more than the limit of ${limit}`);
}

async function find({ cache }: OriginOptions, source: ContentSource): Promise<Snapshot | Volume | undefined> {
  if ('snapshot' in source) return cache.findSnapshot(source.snapshot);
  const volume = await cache.find(source.volume);
  if (volume) refusePassive(volume);
  return volume;
}

function notFound(source: ContentSource, node: NodeName): Failure {
  return new Failure('not-found', `the source ${printSource(source)} does not exist on node ${node}`);
}
