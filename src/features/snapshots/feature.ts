import type { Feature } from '../../app/feature.ts';

/** CSI's snapshots of volumes. The nodes take them: `LocalSnapshots`. */
export const snapshots: Feature = {
  commands: [],
  csi: async (context) => (await import('./csi.ts')).createSnapshotPart(context),
};
