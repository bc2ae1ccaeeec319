import type { Feature } from '../../app/feature.ts';
import { jobs as listJobs } from './command.ts';

/** Work on volumes that outlives a call: listed and counted. `block/job-runner.ts` runs it. */
export const jobs: Feature = {
  commands: [listJobs],
  node: async (context) => (await import('./node.ts')).createJobsPart(context.jobs),
};
