import type { Feature } from '../../app/feature.ts';
import { drain, forget, listNodes, listPools, listSnapshots, listVolumes, status } from './command.ts';

/** The whole fleet as a controller knows it: nodes, pools, volumes and snapshots, and what needs attention. */
export const overview: Feature = {
  commands: [status, listNodes, drain, forget, listPools, listVolumes, listSnapshots],
  controller: async ({ config, fleet, persistentVolumes, log }) => {
    const { createOverviewService } = await import('./service.ts');
    const admin = createOverviewService(fleet, persistentVolumes);
    if (!config.statusPage) return { admin };
    const { createStatusPage, readContent } = await import('./page-server.ts');
    const { start, stop } = createStatusPage({
      listen: config.statusPage.listen,
      read: () => readContent(config.admin.path),
      log,
    });
    return { admin, start, stop };
  },
};
