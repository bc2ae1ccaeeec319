import type { Feature } from '../../app/feature.ts';
import { removeDisk } from './command.ts';

/** Disks that an administrator takes out of their groups. */
export const disks: Feature = {
  commands: [removeDisk],
  node: async ({ local }) => (await import('./node.ts')).createDisksPart(local),
};
