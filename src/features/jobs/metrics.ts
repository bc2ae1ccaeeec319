import type { GaugeConfiguration } from 'prom-client';
import type { JobStatus } from '../../domain/jobs.ts';
import type { Families } from '../../metrics/metrics.ts';

/** The jobs of this node. */
export interface JobList {
  list(): readonly JobStatus[];
}

const states = ['waiting', 'running', 'failed'] as const;

/** Work on volumes that outlives a call, such as the repair of mirrors. */
export function jobFamilies(source: JobList): Families {
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
    {
      name: 'quarry_job_failures',
      help: 'How often a job has failed in a row since the driver started',
      labelNames: ['kind', 'pool', 'volume'],
      collect() {
        this.reset();
        for (const { kind, pool, volume = '', failures } of source.list()) this.set({ kind, pool, volume }, failures);
      },
    },
    {
      name: 'quarry_job_done_ratio',
      help: 'How much of a job is done, or of the part of a thin pool that it works on, 0 to 1',
      labelNames: ['kind', 'pool', 'volume'],
      collect() {
        this.reset();
        for (const { kind, pool, volume = '', done } of source.list()) this.set({ kind, pool, volume }, done);
      },
    },
  ];
  return { gauges };
}
