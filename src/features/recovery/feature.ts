import type { Feature } from '../../app/feature.ts';
import { recover } from './command.ts';

/** PersistentVolumes are recorded on their volumes, and written again from there. */
export const recovery: Feature = {
  commands: [recover],
  controller: async (context) => (await import('./controller.ts')).createRecorderPart(context),
};
