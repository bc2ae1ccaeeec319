import type { Job } from '../../gen/quarry/admin/v1/Job.ts';
import { timeFromMessage } from '../../admin/messages.ts';
import { askRole } from '../../cli/ask.ts';
import type { JobRecord } from './command.ts';
import type { Listing } from '../../cli/output.ts';

/** Asks the driver of this node for its jobs. */
export async function listJobs(path: string): Promise<Listing<JobRecord>> {
  return askRole('node', path, async (calls) => {
    const { jobs } = await calls.listJobs({});
    return { records: (jobs as Job[]).map(toRecord) };
  });
}

function toRecord({ kind, pool, volumeId, lv, size, state, done, reason, sinceMs, failures, claim }: Job): JobRecord {
  return {
    kind,
    pool,
    volume: volumeId === '' ? undefined : volumeId,
    claim: claim === '' ? undefined : claim,
    lv,
    size: BigInt(size),
    state,
    donePercent: Math.floor(done * 100),
    failures,
    reason: reason === '' ? undefined : reason,
    since: timeFromMessage(sinceMs),
  };
}
