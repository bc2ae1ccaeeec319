import type { Feature } from '../../app/feature.ts';
import { adopt, recover } from './command.ts';

/** PersistentVolumes are recorded on their volumes, and written again from there. */
export const recovery: Feature = {
  commands: [recover, adopt],
  controller: async (context) => (await import('./controller.ts')).createRecorderPart(context),
};
