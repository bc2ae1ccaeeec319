import type { NodeContext, Part } from '../../app/feature.ts';
import type { JobInit } from '../../gen/quarry/admin/v1/Job.ts';
import type { JobStatus } from '../../domain/jobs.ts';
import { jobFamilies } from './metrics.ts';

/** `claims`: `namespace/name` by volume id. */
export function createJobsPart(
  jobs: Pick<NodeContext['jobs'], 'list'>,
  claims: () => ReadonlyMap<string, string>,
): Part {
  return {
    admin: {
      listJobs: async () => {
        const names = claims();
        return { jobs: jobs.list().map((job) => toMessage(job, names.get(job.volume ?? '') ?? '')) };
      },
    },
    metrics: jobFamilies(jobs),
  };
}

/** The proto has 64-bit numbers as text. */
function toMessage({ volume, size, reason = '', since, ...same }: JobStatus, claim: string): JobInit {
  return { ...same, volumeId: volume ?? '', size: String(size), reason, sinceMs: String(since), claim };
}
