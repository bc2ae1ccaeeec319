import { expect, test } from 'vitest';
import { countsOf, type Result, type Run, scoreOf, writeResult } from '../../mutation/report.ts';

const result = (file: string, outcome: Result['outcome'], from = 'a'): Result => ({
  name: { file, line: 'a', from, to: '' },
  lineNumber: 3,
  outcome,
});
const results = [
  result('src/qos/a.ts', 'killed'),
  result('src/qos/a.ts', 'survived', '`b`'),
  result('src/lvm/a.ts', 'hung'),
  result('src/lvm/b/c.ts', 'uncovered'),
  result('src/lvm/a.ts', 'equivalent'),
  result('src/lvm/a.ts', 'unproven'),
];
const run: Run = {
  seed: 7,
  date: '2027-01-01',
  files: 'src/*.ts',
  mutants: 90,
  results,
  controls: 2,
  failedControls: ['a test'],
};

test('the score is the part that was killed or hung, of what is neither equivalent nor unproven', () => {
  expect(scoreOf(results)).toEqual({
    run: 4,
    killed: 1,
    hung: 1,
    survived: 1,
    uncovered: 1,
    equivalent: 1,
    unproven: 1,
    score: 50,
  });
  expect(scoreOf([result('a', 'killed'), result('a', 'killed'), result('a', 'survived')]).score).toBe(66.6);
});

test('the counts name what a run did', () => {
  expect(countsOf(run)).toMatchObject({ 'mutants run': 4, killed: 1, controls: 2, 'failed controls': 1 });
});

test('the page has the seed, a row for each folder, and the mutants that are alive', () => {
  const page = writeResult(
    '# Mutation\n\n<!-- made by npm run mutation -->\na former result\n<!-- end -->\nrest\n',
    run,
  );
  expect(page).not.toContain('former');
  expect(page).toMatch(/^# Mutation\n[^]*<!-- end -->\nrest\n$/);
  expect(page).toContain('seed 7: 6 of 90 mutants of `src/*.ts`');
  expect(page).toContain('| src/lvm | 2 | 0 | 1 | 0 | 1 | 1 | 1 | 50.0 % |');
  expect(page).toContain('| all | 4 | 1 | 1 | 1 | 1 | 1 | 1 | 50.0 % |');
  expect(page).toContain('- `src/qos/a.ts:3` `` `b` `` → nothing\n');
  expect(page).toContain('- `src/lvm/b/c.ts:3` `a` → nothing (no test runs it)\n');
  expect(page.match(/^- /gm)).toHaveLength(2);
});

test('a page without the two markers is refused', () => {
  expect(() => writeResult('# Mutation', run)).toThrow('needs the lines');
});
