import type { NodeContext, Part } from '../../app/feature.ts';
import type { JobInit } from '../../gen/quarry/admin/v1/Job.ts';
import type { JobStatus } from '../../domain/jobs.ts';
import { jobFamilies } from './metrics.ts';

export function createJobsPart(jobs: NodeContext['jobs']): Part {
  return {
    admin: { listJobs: async () => ({ jobs: jobs.list().map(toMessage) }) },
    metrics: jobFamilies(jobs),
  };
}

/** The proto has 64-bit numbers as text. */
function toMessage({ volume, size, reason = '', since, ...same }: JobStatus): JobInit {
  return { ...same, volumeId: volume ?? '', size: String(size), reason, sinceMs: String(since) };
}
