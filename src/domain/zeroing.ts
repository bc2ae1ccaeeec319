import type { PoolSpec } from './pool.ts';
import type { Volume } from './volume.ts';

type Content = Pick<Volume, 'layout' | 'encryption' | 'inline'>;

/**
 * Whether the room of a new volume, and what it grows by, is written with zeros before it is handed out. What an encrypted one shows of it is noise, and an inline one has a
 * filesystem, which shows nothing of it.
 */
export function isZeroed({ zeroOnCreate }: Pick<PoolSpec, 'zeroOnCreate'>, volume: Content): boolean {
  return zeroOnCreate === true && volume.layout.type === 'thick' && !volume.encryption && !volume.inline;
}
