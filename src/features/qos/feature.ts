import type { Feature } from '../../app/feature.ts';
import { qos as listQos } from './command.ts';

/** The I/O limits of volumes and pods: listed and counted. The folder `src/qos` enforces them. */
export const qos: Feature = {
  commands: [listQos],
  node: async ({ limits }) => (await import('./node.ts')).createQosPart(limits),
};
