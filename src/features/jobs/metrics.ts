import type { GaugeConfiguration } from 'prom-client';
import type { NodeContext } from '../../app/feature.ts';
import type { JobStatus } from '../../domain/jobs.ts';
import type { Families } from '../../metrics/metrics.ts';

const states = ['waiting', 'running', 'failed'] as const;

/** Work on volumes that outlives a call, such as the repair of mirrors. */
export function jobFamilies(source: Pick<NodeContext['jobs'], 'list'>): Families {
  const perJob = (name: string, help: string, valueOf: (job: JobStatus) => number): GaugeConfiguration<string> => ({
    name,
    help,
    labelNames: ['kind', 'pool', 'volume'],
    collect() {
      this.reset();
      for (const job of source.list()) {
        this.set({ kind: job.kind, pool: job.pool, volume: job.volume ?? '' }, valueOf(job));
      }
    },
  });
  const gauges: GaugeConfiguration<string>[] = [
    {
      name: 'quarry_jobs',
      help: '1 for each job in the state that it is in; no volume: it works on the thin pool',
      labelNames: ['kind', 'pool', 'volume', 'state'],
      collect() {
        this.reset();
        for (const { kind, pool, volume = '', state } of source.list()) {
          for (const known of states) this.set({ kind, pool, volume, state: known }, known === state ? 1 : 0);
        }
      },
    },
    perJob(
      'quarry_job_failures',
      'How often a job has failed in a row since the driver started',
      (job) => job.failures,
    ),
    perJob(
      'quarry_job_done_ratio',
      'How much of a job is done, or of the part of a thin pool that it works on, 0 to 1',
      (job) => job.done,
    ),
  ];
  return { gauges };
}
