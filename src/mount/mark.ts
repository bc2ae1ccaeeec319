import { createHash } from 'node:crypto';
import type { VolumeId } from '../domain/ids.ts';

/**
 * The UUID that our mkfs gives the ext4 of a volume (RFC 9562, version 8). It identifies a filesystem that we made but have not recorded
 * yet. A clone or a restored snapshot has another id, so it never matches by accident.
 */
export function markOf(id: VolumeId): string {
  const hex = createHash('sha256').update(`quarry:mkfs:${id}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
