import { onTestFinished } from 'vitest';
import { JobRunner, type JobRunnerOptions } from '../../../src/block/job-runner.ts';

/** A runner that ends with its test: one whose job rests looks again and again. */
export function endingRunner(options: JobRunnerOptions): JobRunner {
  const jobs = new JobRunner(options);
  onTestFinished(() => void jobs.stop(0));
  return jobs;
}
