import { Failure } from './errors.ts';
import type { PoolSpec } from './pool.ts';
import type { Volume } from './volume.ts';

type Content = Pick<Volume, 'layout' | 'encryption' | 'inline'>;

/**
 * Whether the room of a new volume is written with zeros before it is handed out. What an encrypted one shows of it is noise, and an inline one has a
 * filesystem, which shows nothing of it.
 */
export function isZeroed({ zeroOnCreate }: Pick<PoolSpec, 'zeroOnCreate'>, volume: Content): boolean {
  return zeroOnCreate === true && volume.layout.type === 'thick' && !volume.encryption && !volume.inline;
}

/**
 * Whether new room of the volume is written with zeros before the volume has it: that room is linear. The parts of mirrored and striped volumes are each on
 * a disk of its own, which LVM chooses.
 */
export function growsByZeros(spec: Pick<PoolSpec, 'zeroOnCreate'>, volume: Content): boolean {
  const { layout } = volume;
  return isZeroed(spec, volume) && layout.type === 'thick' && layout.mirrors === 0 && layout.stripes === 1;
}

/** Throws `precondition` for the growth of a volume whose user would read what its new room held before. */
export function refuseUnzeroedGrowth(
  spec: Pick<PoolSpec, 'name' | 'zeroOnCreate'>,
  volume: Content & Pick<Volume, 'id' | 'filesystem'>,
): void {
  const { id, filesystem } = volume;
  const hides = filesystem !== 'none' && filesystem !== 'block' && filesystem !== 'unknown';
  if (hides || !isZeroed(spec, volume) || growsByZeros(spec, volume)) return;
  const use = filesystem === 'none' ? 'has no filesystem yet' : 'is a raw block device';
  throw new Failure(
    'precondition',
    `volume ${id} cannot grow: it ${use}, pool ${spec.name} has zeroOnCreate, and new room of mirrored and striped volumes is not written with zeros: make a larger volume from it`,
  );
}
