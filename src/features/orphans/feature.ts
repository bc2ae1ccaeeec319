import type { Feature } from '../../app/feature.ts';
import { deleteOrphan, listOrphans, retainOrphan } from './command.ts';

/** Volumes that are in no PersistentVolume, and snapshots that are in no VolumeSnapshotContent: listed, counted, and retained or deleted on request. */
export const orphans: Feature = {
  commands: [listOrphans, retainOrphan, deleteOrphan],
  controller: async (context) => (await import('./controller.ts')).createOrphanPart(context),
};
