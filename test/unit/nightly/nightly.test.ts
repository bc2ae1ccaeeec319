import { expect, test } from 'vitest';
import { longRuns, recordedRuns } from '../../../docs/generate/proof.ts';
import { shares, type Tool } from '../../nightly/tools.ts';
import type { LongRun } from '../../support/long-run.ts';

test('each tool has its share of the minutes, and at least one', () => {
  const storm: Tool = { name: 'storm', command: [], weight: 3 };
  const fuzz: Tool = { name: 'fuzz', command: [], weight: 1 };
  expect([...shares([storm, fuzz], 60).values()]).toEqual([45, 15]);
  expect([...shares([storm, fuzz], 1).values()]).toEqual([1, 1]);
});

test('the page adds up the runs of a tool, and counts those that found something', () => {
  const run = { date: '2026-11-28', commit: 'abc1234', tool: 'storm', minutes: 5, counts: { rounds: 700 } };
  const page = longRuns([
    { ...run, seed: 1, findings: [] },
    { ...run, seed: 2, counts: { rounds: 800, 'power cuts': 3 }, findings: ['storm-1 is lost', 'storm-2 is lost'] },
  ]);
  expect(page).toContain('| storm | 2 | 10 | 1,500 rounds, 3 power cuts | 1 |');
  expect(page).toContain('| 2026-11-28 | `abc1234` | storm | 2 | 5 | 800 rounds, 3 power cuts | 2 |');
});

test('the record takes all that a tool writes of a run', () => {
  const run: Required<LongRun> = {
    tool: 'replay',
    seed: 1,
    minutes: 5,
    counts: { recoveries: 3 },
    findings: ['create-thin, cut after 7 entries'],
    round: 2,
    operation: 'create-thin',
  };
  const entry = { date: '2026-11-30', commit: 'abc1234', ...run };
  expect(recordedRuns(JSON.stringify([entry]))).toEqual([entry]);
});
