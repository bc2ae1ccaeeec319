import type { Feature } from '../../app/feature.ts';

/** Inline volumes, which live and die with a pod: removes those that kubelet cannot ask to remove any more. */
export const inline: Feature = {
  commands: [],
  node: async (context) => (await import('./node.ts')).createInlinePart(context),
};
