import type { Feature } from '../../app/feature.ts';
import { groupSnapshotFamilies } from './metrics.ts';

/** CSI's group snapshots. The nodes take them: `LocalGroupSnapshots`. */
export const groupSnapshots: Feature = {
  commands: [],
  csi: async (context) => (await import('./csi.ts')).createGroupSnapshotPart(context),
  node: async ({ pauses }) => ({ metrics: groupSnapshotFamilies(pauses) }),
};
