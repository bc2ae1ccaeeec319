import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  expectNone,
  failedOperationsOf,
  failedRoundsOf,
  seedOfCommit,
  seedsOf,
  writeLongRun,
} from '../../support/long-run.ts';

test('a slice plays the seeds that failed before, and then that of the commit', () => {
  expect(seedsOf('fuzz')).toEqual([6, 77, 9525, seedOfCommit('fuzz')]);
  expect(failedRoundsOf('storm')[0]).toEqual({ seed: 310_041, round: 52 });
  expect(failedOperationsOf('replay')[0]).toEqual({ seed: 920_733, operation: 'take-disk' });
  for (const failed of [failedRoundsOf, failedOperationsOf]) expect(failed('a tool that never failed')).toEqual([]);
  expect(seedsOf('a tool that never failed')).toHaveLength(1);
});

test('a commit has one seed for each tool', () => {
  expect(seedOfCommit('storm')).toBe(seedOfCommit('storm'));
  expect(seedOfCommit('storm')).not.toBe(seedOfCommit('storm-apart'));
});

test('a run writes its counts into the file that it was given', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'quarry-long-run-'));
  const run = { tool: 'storm', seed: 7, minutes: 3, counts: { rounds: 4 }, findings: [] };
  await writeLongRun(join(folder, 'run.json'), run);
  expect(JSON.parse(await readFile(join(folder, 'run.json'), 'utf8'))).toEqual(run);
  await rm(folder, { recursive: true });
});

test('a run that found something fails with all of it in the first line, which the summary prints', () => {
  expect(() => expectNone(['a is gone', 'b is wrong\nat c'], 'the report')).toThrow(
    /^a is gone; b is wrong ⏎ at c\nthe report$/,
  );
  expect(() => expectNone([])).not.toThrow();
});
