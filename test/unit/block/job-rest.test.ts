import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import type { JobRunner } from '../../../src/block/job-runner.ts';
import { end, runnerOf, Work } from './job-work.ts';

/** A job that has ended and is still to be done. */
let work: Work;
let jobs: JobRunner;
let clock: { now: number };

beforeEach(() => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  work = new Work('evacuation', 'vg/disk');
  work.reads = false;
  ({ jobs, clock } = runnerOf([work]));
  jobs.look();
  end(work, 'vg/disk');
});

test('a job that is still there when it has ended begins again after its rest, though nobody looks', async () => {
  // The end of another job looks, while this one rests.
  await vi.advanceTimersByTimeAsync(300);
  clock.now = 300;
  jobs.look();
  clock.now = 999;
  await vi.advanceTimersByTimeAsync(699);
  expect(work.begun).toHaveLength(1);
  clock.now = 1000;
  await vi.advanceTimersByTimeAsync(1);
  expect(work.begun).toHaveLength(2);
});

test('a job that rests does not begin after the end of the process has begun', async () => {
  await vi.advanceTimersByTimeAsync(1);
  expect(await jobs.stop(1000)).toBe(true);
  clock.now = 5000;
  await vi.advanceTimersByTimeAsync(5000);
  expect(work.begun).toHaveLength(1);
  expect(vi.getTimerCount()).toBe(0);
});
