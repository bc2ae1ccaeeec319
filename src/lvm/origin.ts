import { type Bytes, largest, type SizeRange } from '../domain/bytes.ts';
import { Failure } from '../domain/errors.ts';
import type { LvName, NodeName } from '../domain/ids.ts';
import { type ContentSource, printSource, refuseAsSource, refuseThick, type Snapshot } from '../domain/snapshot.ts';
import { type FilesystemState, refusePassive, type Volume, type VolumeSpec } from '../domain/volume.ts';
import type { InventoryCache } from './cache.ts';
import { lookUp } from './look-up.ts';
import type { Lvm } from './lvm.ts';
import { decodeLv, toVolume } from './records.ts';

/** The logical volume that a new volume shares its blocks with. */
export interface Origin {
  readonly lv: LvName;
  readonly size: Bytes;
  readonly filesystem: FilesystemState;
}

interface OriginOptions {
  readonly node: NodeName;
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
}

/**
 * Looks up the source of a new volume, right before the volume is made. Throws `not-found`, `invalid` for a source in another pool and for a
 * layout that cannot share blocks, and `unavailable` for one that is not finished.
 */
export async function originOf(options: OriginOptions, source: ContentSource, spec: VolumeSpec): Promise<Origin> {
  refuseThick({ id: `"${spec.name}"`, layout: spec.layout });
  const found = await find(options, source);
  if (!found) throw notFound(source, options.node);
  if ('layout' in found) refuseThick(found);
  else refuseAsSource(found);
  if (found.state === 'creating')
    throw new Failure('unavailable', `${printSource(source)} is not finished yet: try again`);
  if (found.pool !== spec.pool)
    throw new Failure('invalid', `the source is in pool ${found.pool}: volume "${spec.name}" must be in the same pool`);
  const shown = await lookUp(options, found);
  if (!shown) throw notFound(source, options.node);
  const now = decodeLv(shown.row);
  const { filesystem } = 'snapshot' in source ? found : (toVolume(now, found.pool, options.node) ?? found);
  return { lv: found.lv, size: now.size, filesystem };
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
