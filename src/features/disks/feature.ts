import type { Feature } from '../../app/feature.ts';
import { evacuateDisk, giveUpDisk, removeDisk, replaceDisk } from './command.ts';

/** Disks that an administrator takes out of their groups. `lvm/evacuation` moves what is on them. */
export const disks: Feature = {
  commands: [replaceDisk, evacuateDisk, giveUpDisk, removeDisk],
  node: async (context) => (await import('./node.ts')).createDisksPart(context),
};
