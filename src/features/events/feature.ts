import type { Feature } from '../../app/feature.ts';

/** Events in Kubernetes for what needs attention. */
export const events: Feature = {
  commands: [],
  controller: async (context) => (await import('./controller.ts')).createEventsPart(context),
};
