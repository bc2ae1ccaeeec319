import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parseConfig } from '../../../src/config/config.ts';
import { schemas } from '../../../src/config/schema.ts';

const page = await readFile(new URL('../../../docs/reference/configuration.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');

test('the example in the reference is a valid configuration', () => {
  const config = parseConfig(examples[0] ?? '', { hostname: 'node-1' });
  expect(config.pools.map(({ name, type }) => [name, type])).toEqual([
    ['fast', 'thin'],
    ['bulk', 'thick'],
    ['legacy', 'thick'],
  ]);
});

test('the examples of the other roles are valid configurations', () => {
  const [, node = '', controller = ''] = examples;
  expect(parseConfig(node, { hostname: 'node-1' }, 'node').fleet.controllers).toEqual([
    { name: 'quarry-controller.quarry.svc', port: 9443 },
  ]);
  expect(parseConfig(controller, { hostname: 'node-1' }, 'controller').fleet.listen).toEqual({
    host: '0.0.0.0',
    port: 9443,
  });
});

test('the examples have every top-level key, and the page has every section', () => {
  for (const [index, role] of (['all', undefined, 'controller'] as const).entries()) {
    const keys = role ? Object.keys(schemas[role].shape) : [];
    expect(keys.filter((key) => !new RegExp(`^${key}:`, 'm').test(examples[index] ?? ''))).toEqual([]);
    expect(keys.filter((key) => !page.includes(`\`${key}`))).toEqual([]);
  }
});
