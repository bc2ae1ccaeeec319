import { expect, onTestFinished, test, vi } from 'vitest';
import { end, runnerOf, Work } from './job-work.ts';

test('a job that is still there when it has ended begins again after its rest, though nobody looks', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const work = new Work('evacuation', 'vg/disk');
  work.reads = false;
  const { jobs, clock } = runnerOf([work]);
  jobs.look();
  end(work, 'vg/disk');
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
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const work = new Work('evacuation', 'vg/disk');
  work.reads = false;
  const { jobs, clock } = runnerOf([work]);
  jobs.look();
  end(work, 'vg/disk');
  await vi.advanceTimersByTimeAsync(1);
  expect(await jobs.stop(1000)).toBe(true);
  clock.now = 5000;
  await vi.advanceTimersByTimeAsync(5000);
  expect(work.begun).toHaveLength(1);
  expect(vi.getTimerCount()).toBe(0);
});
