import { expect, test, vi } from 'vitest';
import { endingRunner } from './ending-runner.ts';
import { Failure } from '../../../src/domain/errors.ts';
import { end, none, runnerOf, Work } from './job-work.ts';

const runningIn = (work: Work) => [...work.running.keys()];
const until = (check: () => void) => vi.waitFor(check, { interval: 1 });

test('runs so many jobs of a kind at once, one of a lane, and the next as one ends', async () => {
  const work = new Work('repair', 'a/1', 'a/2', 'b/1', 'c/1');
  const { jobs } = runnerOf([work]);
  jobs.look();
  jobs.look();
  expect(work.begun).toEqual(['a/1', 'b/1']);
  end(work, 'a/1');
  await until(() => expect(runningIn(work)).toEqual(['b/1', 'a/2']));
  end(work, 'b/1');
  await until(() => expect(runningIn(work)).toEqual(['a/2', 'c/1']));
  expect(work.begun).toHaveLength(4);
});

test('lets no kind wait for another', () => {
  const [repairs, creations] = [new Work('repair', 'a/1', 'b/1'), new Work('creation', 'a/1')];
  runnerOf([repairs, creations]).jobs.look();
  expect(runningIn(creations)).toEqual(['a/1']);
});

test('runs so many jobs of all kinds at once, and keeps a place for each kind', async () => {
  const [repairs, creations] = [new Work('repair', 'a/1', 'b/1', 'c/1', 'd/1'), new Work('creation')];
  const { jobs } = runnerOf([repairs, creations], { total: 3, creation: 3, repair: 3 });
  jobs.look();
  expect(runningIn(repairs)).toEqual(['a/1', 'b/1']);
  creations.keys.add('a/1').add('b/1');
  jobs.look();
  expect(runningIn(creations)).toEqual(['a/1']);
  end(repairs, 'a/1');
  await until(() => expect([...runningIn(repairs), ...runningIn(creations)]).toHaveLength(3));
  end(repairs, 'b/1');
  await until(() => expect([...runningIn(repairs), ...runningIn(creations)]).toHaveLength(3));
});

test('lists what LVM shows, with the progress of what runs', async () => {
  const work = new Work('repair', 'a/1', 'a/2');
  const { jobs, clock } = runnerOf([work]);
  clock.now = 5;
  expect(jobs.list()).toMatchObject([{ state: 'waiting', since: 5 }, { state: 'waiting' }]);
  jobs.look();
  clock.now = 9;
  work.running.get('a/1')?.control.progress(0.4);
  expect(jobs.list()).toMatchObject([
    { kind: 'repair', lv: 'vg/a/1', state: 'running', done: 0.4, since: 5 },
    { state: 'waiting', done: 0 },
  ]);
  end(work, 'a/1');
  await until(() => expect(jobs.list()).toMatchObject([{ lv: 'vg/a/2', state: 'running' }]));
});

test('tries a job that failed again later and later, and logs a reason once', async () => {
  const work = new Work('creation', 'a/1');
  const { jobs, clock, errors } = runnerOf([work]);
  for (const delay of [1000, 2000, 4000]) {
    jobs.look();
    await until(() => expect(runningIn(work)).toEqual(['a/1']));
    end(work, 'a/1', new Error('no device'));
    await until(() => expect(jobs.list()).toMatchObject([{ state: 'failed', reason: 'no device' }]));
    const { length } = work.begun;
    clock.now += delay - 1;
    jobs.look();
    expect(work.begun).toHaveLength(length);
    clock.now += 1;
  }
  expect(errors).toEqual([{ job: 'creation', lv: 'vg/a/1', volume: undefined, reason: 'no device' }]);
  jobs.look();
  expect(runningIn(work)).toEqual(['a/1']);
});

test('shows a job that has to wait with its reason, and not as failed', async () => {
  const work = new Work('repair', 'a/1');
  const { jobs, errors } = runnerOf([work]);
  jobs.look();
  end(work, 'a/1', new Failure('busy', 'it resyncs'));
  await until(() => expect(jobs.list()).toMatchObject([{ state: 'waiting', reason: 'it resyncs', failures: 0 }]));
  expect(errors).toEqual([]);
});

test('counts the failures in a row, also while the job is tried again or has to wait in between', async () => {
  const work = new Work('repair', 'a/1');
  const { jobs, clock } = runnerOf([work]);
  const attempt = async (error: unknown) => {
    clock.now += 300_000;
    jobs.look();
    expect(runningIn(work)).toEqual(['a/1']);
    const [before] = jobs.list();
    end(work, 'a/1', error);
    await until(() => expect(runningIn(work)).toEqual([]));
    await until(() => expect(jobs.list()).not.toMatchObject([{ state: 'running' }]));
    return [before?.failures, jobs.list()[0]?.failures];
  };
  expect(await attempt(new Error('no device'))).toEqual([0, 1]);
  expect(await attempt(new Failure('busy', 'it resyncs'))).toEqual([1, 1]);
  expect(await attempt(new Error('no device'))).toEqual([1, 2]);
  work.reads = false;
  expect(await attempt(undefined)).toEqual([2, 0]);
});

test("shows since when there is work where LVM's state says so, also after a restart", () => {
  const source = new Work('creation', 'a/1').source();
  const dated = { ...source, find: () => source.find().map((job) => Object.assign(job, { since: 3 })) };
  const log = { debug: none, info: none, warn: none, error: none };
  const bounds = { total: 3, creation: 1, copy: 1, erase: 4, repair: 1, evacuation: 1 };
  expect(endingRunner({ sources: [dated], bounds, log, now: () => 9 }).list()).toMatchObject([{ since: 3 }]);
});

test.each([
  ['has ended', undefined],
  ['has nothing left to do', new Failure('not-found', 'gone')],
])('does not run a job again that %s, as long as LVM was not read again', async (_, error) => {
  const work = new Work('repair', 'a/1');
  work.reads = false;
  const { jobs, errors } = runnerOf([work]);
  jobs.look();
  end(work, 'a/1', error);
  await until(() => expect(jobs.list()).toMatchObject([{ state: 'waiting' }]));
  jobs.look();
  expect(work.begun).toEqual(['a/1']);
  expect(errors).toEqual([]);
});

test('stops what runs, waits for its end and starts nothing more; the next process finds it again', async () => {
  const work = new Work('repair', 'a/1', 'a/2');
  const first = runnerOf([work]);
  first.jobs.look();
  expect(await first.jobs.stop(60_000)).toBe(true);
  first.jobs.look();
  expect(runningIn(work)).toEqual([]);
  expect(first.errors).toEqual([]);
  runnerOf([work]).jobs.look();
  expect(work.begun).toEqual(['a/1', 'a/1']);
});

test('waits for a job that does not end until the deadline, and says which it was', async () => {
  const work = new Work('repair', 'a/1', 'b/1', 'c/1');
  work.obeys = false;
  const { jobs, warnings } = runnerOf([work]);
  jobs.look();
  expect(await jobs.stop(1)).toBe(false);
  expect(warnings).toEqual([{ jobs: ['repair a/1', 'repair b/1'] }]);
  end(work, 'a/1');
  end(work, 'b/1');
  expect(await jobs.stop(60_000)).toBe(true);
  expect(work.begun).toEqual(['a/1', 'b/1']);
});

test('keeps two kinds of job on one volume apart', async () => {
  const [repairs, creations] = [new Work('repair', 'a/1'), new Work('creation', 'a/1')];
  const { jobs, errors } = runnerOf([repairs, creations]);
  jobs.look();
  end(creations, 'a/1', new Error('no device'));
  await until(() => expect(jobs.list()).toMatchObject([{ state: 'running' }, { state: 'failed', failures: 1 }]));
  end(repairs, 'a/1');
  await until(() => expect(jobs.list()).toMatchObject([{ kind: 'creation', state: 'failed', failures: 1 }]));
  expect(errors).toMatchObject([{ job: 'creation' }]);
});

test('waits no longer than five minutes before it tries a job again', async () => {
  const work = new Work('creation', 'a/1');
  const { jobs, clock } = runnerOf([work]);
  for (let failures = 0; failures < 12; failures += 1) {
    clock.now += 300_000;
    jobs.look();
    await until(() => expect(work.begun).toHaveLength(failures + 1));
    end(work, 'a/1', new Error('no device'));
    await until(() => expect(jobs.list()).toMatchObject([{ state: 'failed' }]));
  }
});

test('looks again within 15 s whether a job still has to wait, however often it had to', async () => {
  const work = new Work('repair', 'a/1');
  const { jobs, clock } = runnerOf([work]);
  for (let attempts = 0; attempts < 12; attempts += 1) {
    clock.now += 15_000;
    jobs.look();
    await until(() => expect(work.begun).toHaveLength(attempts + 1));
    end(work, 'a/1', new Failure('busy', 'it resyncs'));
    await until(() => expect(jobs.list()).toMatchObject([{ state: 'waiting', reason: 'it resyncs' }]));
  }
});

test('tries a job that failed at once after a person has changed something', async () => {
  const work = new Work('repair', 'a/1');
  const { jobs } = runnerOf([work]);
  jobs.look();
  end(work, 'a/1', new Error('no disk has room'));
  await until(() => expect(jobs.list()).toMatchObject([{ state: 'failed' }]));
  jobs.look();
  expect(runningIn(work)).toEqual([]);
  jobs.retry();
  expect(runningIn(work)).toEqual(['a/1']);
});

test('forgets a job that LVM no longer shows: one of the same name is another', async () => {
  const work = new Work('creation', 'a/1');
  const { jobs, clock } = runnerOf([work]);
  jobs.look();
  end(work, 'a/1', new Error('no device'));
  await until(() => expect(jobs.list()).toMatchObject([{ state: 'failed', since: 0 }]));
  work.keys.clear();
  jobs.look();
  clock.now = 10;
  work.keys.add('a/1');
  jobs.look();
  expect(jobs.list()).toMatchObject([{ state: 'running', reason: undefined, since: 10 }]);
});
