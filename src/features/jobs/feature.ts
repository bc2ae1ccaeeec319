import type { Feature } from '../../app/feature.ts';
import { jobs as listJobs } from './command.ts';

/** Work on volumes that outlives a call: listed and counted. `block/job-runner.ts` runs it. */
export const jobs: Feature = {
  commands: [listJobs],
  node: async (context) => {
    const [{ createJobsPart }, { claimNames }] = await Promise.all([
      import('./node.ts'),
      import('../../lvm/claim-names.ts'),
    ]);
    return createJobsPart(context.jobs, () => claimNames(context.local.cache));
  },
};
