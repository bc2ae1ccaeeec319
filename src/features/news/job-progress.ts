import type { PoolName } from '../../domain/ids.ts';
import type { JobStatus } from '../../domain/jobs.ts';
import type { ReportedJob } from '../../domain/news.ts';

/** Jobs that are told: those that run, then those that have failed, then those that wait. */
const mostJobs = 256;
const order: readonly JobStatus['state'][] = ['running', 'failed', 'waiting'];

/** What was seen of a job that runs. */
interface Seen {
  readonly at: number;
  readonly done: number;
  /** When it was first seen at `done`. */
  readonly moved: number;
}

/** A job, and since when it runs without progress: milliseconds since the epoch. */
export interface Followed {
  readonly job: ReportedJob;
  readonly still: number | undefined;
}

/** Finds out the rates of jobs from two looks at their progress. */
export class JobProgress {
  #seen = new Map<string, Seen>();

  /** @param now milliseconds since the epoch */
  follow(jobs: readonly JobStatus[], now: number): Followed[] {
    const chosen = jobs
      .toSorted((one, other) => order.indexOf(one.state) - order.indexOf(other.state))
      .slice(0, mostJobs);
    const before = this.#seen;
    this.#seen = new Map();
    return chosen.map((job) => {
      const id = `${job.kind} ${job.lv}`;
      const last = before.get(id);
      if (job.state !== 'running') return { job: reported(job, id, undefined), still: undefined };
      const moved = last && last.done === job.done ? last.moved : now;
      this.#seen.set(id, { at: now, done: job.done, moved });
      return { job: reported(job, id, last && rateOf(job, last, now)), still: moved };
    });
  }
}

/** Bytes a second since the last look; `undefined` for a job that began again. */
function rateOf({ done, size }: JobStatus, last: Seen, now: number): bigint | undefined {
  const seconds = (now - last.at) / 1000;
  if (seconds <= 0 || done < last.done) return undefined;
  return BigInt(Math.round((Number(size) * (done - last.done)) / seconds));
}

function reported({ pool, done, ...job }: JobStatus, id: string, rate: bigint | undefined): ReportedJob {
  return { ...job, id, pool: pool as PoolName, done: Math.min(1, Math.max(0, done)), rate };
}
