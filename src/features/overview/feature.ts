import type { Feature } from '../../app/feature.ts';
import { drain, forget, listNodes, listPools, listSnapshots, listVolumes, status } from './command.ts';

/** The whole fleet as a controller knows it: nodes, pools, volumes and snapshots, and what needs attention. */
export const overview: Feature = {
  commands: [status, listNodes, drain, forget, listPools, listVolumes, listSnapshots],
  controller: async ({ fleet, persistentVolumes }) => {
    const { createOverviewService } = await import('./service.ts');
    return { admin: createOverviewService(fleet, persistentVolumes) };
  },
};
