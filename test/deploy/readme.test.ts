import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

/** `lab/lvm` and what may stand in quotes behind it. */
const named = [...readme.matchAll(/`((?:lab|unit|cluster)\/[\w/-]+)`(?:, "([^"]+)")?/g)];

test('every test that the README calls as a witness is there, by its name where one is given', () => {
  expect(named.length).toBeGreaterThan(20);
  const texts = named.map(([, path]) => globSync(`test/${path}{.test.ts,/*.test.ts}`, { cwd: root }));
  expect(named.filter((_, at) => texts[at]?.length === 0).map(([, path]) => path)).toEqual([]);
  const lacking = named.filter(([, , title], at) => {
    const content = texts[at]?.map((file) => readFileSync(join(root, file), 'utf8')).join('\n');
    return title !== undefined && !content?.includes(title);
  });
  expect(lacking.map(([words]) => words)).toEqual([]);
});
