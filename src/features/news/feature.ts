import type { Feature } from '../../app/feature.ts';

/** What a node tells its controllers beyond the state of LVM: its jobs, limits that are not in force, and disks that are not taken. */
export const news: Feature = {
  commands: [],
  node: async (context) => (await import('./node.ts')).createNewsPart(context),
};
