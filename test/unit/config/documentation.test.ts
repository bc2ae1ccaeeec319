import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parseConfig } from '../../../src/config/config.ts';
import { schema } from '../../../src/config/schema.ts';

const page = await readFile(new URL('../../../docs/reference/configuration.md', import.meta.url), 'utf8');
const [example] = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');

test('the example of the reference is a configuration', () => {
  const config = parseConfig(example ?? '', { hostname: 'node-1' });
  expect(config.pools.map(({ name, type }) => [name, type])).toEqual([
    ['fast', 'thin'],
    ['bulk', 'thick'],
    ['legacy', 'thick'],
  ]);
});

test('the example shows every key at the top, and the page every section', () => {
  const keys = Object.keys(schema.shape);
  expect(keys.filter((key) => !new RegExp(`^${key}:`, 'm').test(example ?? ''))).toEqual([]);
  expect(keys.filter((key) => !page.includes(`\`${key}`))).toEqual([]);
});
