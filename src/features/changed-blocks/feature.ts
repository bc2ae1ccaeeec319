import type { Feature } from '../../app/feature.ts';

/** CSI's SnapshotMetadata: the blocks of snapshots. The nodes list them: `readBlocks`. */
export const changedBlocks: Feature = {
  commands: [],
  csi: async (context) => (await import('./csi.ts')).createChangedBlocksPart(context),
};
