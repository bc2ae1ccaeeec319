import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { guidePages } from '../support/guides.ts';

const root = join(import.meta.dirname, '../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

/** `lab/lvm`, and a test name in quotes after it. */
const named = [...readme.matchAll(/`((?:lab|unit|cluster)\/[\w/-]+)`(?:, "([^"]+)")?/g)];

test('every test that the README names exists, also under the quoted name', () => {
  expect(named.length).toBeGreaterThan(20);
  const texts = named.map(([, path]) => globSync(`test/${path}{.test.ts,/*.test.ts}`, { cwd: root }));
  expect(named.filter((_, at) => texts[at]?.length === 0).map(([, path]) => path)).toEqual([]);
  const lacking = named.filter(([, , title], at) => {
    const content = texts[at]?.map((file) => readFileSync(join(root, file), 'utf8')).join('\n');
    return title !== undefined && !content?.includes(title);
  });
  expect(lacking.map(([words]) => words)).toEqual([]);
});

test('every npm script of the guides sets up a fresh clone first', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Readonly<Record<string, string>>;
  };
  const texts = guidePages().map((page) => readFileSync(join(root, page), 'utf8'));
  const names = new Set(texts.flatMap((text) => [...text.matchAll(/npm run ([a-z:]+)/g)].map(([, name = '']) => name)));
  expect(names.size).toBeGreaterThan(3);
  const isReady = (name: string) => name === 'setup' || scripts[name]?.startsWith('node setup/setup.mjs ') === true;
  expect([...names].filter((name) => !isReady(name))).toEqual([]);
});
