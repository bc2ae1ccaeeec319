import type { Feature } from '../../app/feature.ts';

/** CSI's health of volumes and storage. LVM's part of it is in the nodes' reports; the node observes the kernel's. */
export const health: Feature = {
  commands: [],
  csi: async (context) => (await import('./csi.ts')).createHealthPart(context),
  controller: async ({ fleet }) => (await import('./controller.ts')).createHealthMetrics(fleet),
  node: async (context) => (await import('./node.ts')).createHealthNodePart(context),
};
