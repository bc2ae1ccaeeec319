import type { Feature } from '../../app/feature.ts';
import { evacuateDisk, removeDisk } from './command.ts';

/** Disks that an administrator takes out of their groups. `lvm/evacuation` moves what is on them. */
export const disks: Feature = {
  commands: [evacuateDisk, removeDisk],
  node: async (context) => (await import('./node.ts')).createDisksPart(context),
};
