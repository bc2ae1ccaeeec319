import type { Feature } from '../../app/feature.ts';
import { qos as listQos } from './command.ts';

/** The I/O limits of volumes and pods: listed and counted. The folder `src/qos` enforces them. */
export const qos: Feature = {
  commands: [listQos],
  node: async ({ limits, local }) => {
    const [{ createQosPart }, { claimNames }] = await Promise.all([
      import('./node.ts'),
      import('../../lvm/claim-names.ts'),
    ]);
    return createQosPart(limits, () => claimNames(local.cache));
  },
};
