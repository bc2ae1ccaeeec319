import { Gauge, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import type { VolumeId } from '../../../../src/domain/ids.ts';
import type { JobStatus } from '../../../../src/domain/jobs.ts';
import { jobFamilies } from '../../../../src/features/jobs/metrics.ts';

test('each job has its state and its progress, and goes with its end', async () => {
  const common = { pool: 'fast', lv: 'vg/a', size: 1n, reason: undefined, since: 0 };
  let jobs: readonly JobStatus[] = [
    { ...common, kind: 'repair', volume: undefined, state: 'running', done: 0.5, failures: 0 },
    { ...common, kind: 'creation', volume: 'n:a' as VolumeId, state: 'failed', done: 0, failures: 3 },
  ];
  const registry = new Registry();
  for (const gauge of jobFamilies({ list: () => jobs }).gauges ?? []) {
    registry.registerMetric(new Gauge({ ...gauge, registers: [] }));
  }
  const samples = async () => (await registry.metrics()).split('\n').filter((row) => /^\w/.test(row));
  expect(await samples()).toEqual([
    'quarry_jobs{kind="repair",pool="fast",volume="",state="waiting"} 0',
    'quarry_jobs{kind="repair",pool="fast",volume="",state="running"} 1',
    'quarry_jobs{kind="repair",pool="fast",volume="",state="failed"} 0',
    'quarry_jobs{kind="creation",pool="fast",volume="n:a",state="waiting"} 0',
    'quarry_jobs{kind="creation",pool="fast",volume="n:a",state="running"} 0',
    'quarry_jobs{kind="creation",pool="fast",volume="n:a",state="failed"} 1',
    'quarry_job_failures{kind="repair",pool="fast",volume=""} 0',
    'quarry_job_failures{kind="creation",pool="fast",volume="n:a"} 3',
    'quarry_job_done_ratio{kind="repair",pool="fast",volume=""} 0.5',
    'quarry_job_done_ratio{kind="creation",pool="fast",volume="n:a"} 0',
  ]);
  jobs = [];
  expect(await samples()).toEqual([]);
});
