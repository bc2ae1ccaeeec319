import type { Feature } from '../../app/feature.ts';
import { hung as listHung } from './command.ts';

/** Programs and reads that were given up at their deadline and still run: listed and counted. */
export const hung: Feature = {
  commands: [listHung],
  node: async ({ local }) => (await import('./node.ts')).createHungPart(local),
};
