import { Failure } from '../../domain/errors.ts';
import { type HealthEntry, volumeReasons, type VolumeStatus } from '../../domain/health.ts';
import { issuedVolumeId } from '../../domain/ids.ts';

/** Throws `invalid` for no id, and `not-found` for one that Quarry cannot have issued. */
export function parseHealthId(text: string): ReturnType<typeof issuedVolumeId> {
  if (text === '') throw new Failure('invalid', 'volume_id is missing');
  return issuedVolumeId(text);
}

/** The entry of a volume whose state cannot be read: unknown is not absent. */
export function unknownState(message: string): HealthEntry<VolumeStatus> {
  return { reason: 'StateUnknown', status: volumeReasons.StateUnknown.status, message };
}
