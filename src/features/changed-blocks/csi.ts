import type { CsiContext, Part } from '../../app/feature.ts';
import { createSnapshotMetadataService } from './service.ts';

/** The calls about the blocks of snapshots, of a role that serves CSI's Controller. */
export function createChangedBlocksPart({ registry }: Pick<CsiContext, 'registry'>): Part {
  return { services: { SnapshotMetadata: createSnapshotMetadataService(registry) } };
}
