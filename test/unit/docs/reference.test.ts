import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { generatePages } from '../../../docs/generate/main.ts';
import { qosParameterHelp, qosParameterNames } from '../../../src/domain/qos-parameters.ts';

const pages = [...generatePages()].map(([path, text]) => [basename(path), path, text] as const);

test.each(pages)('%s matches the code; npm run generate writes it', (_name, path, text) => {
  expect(readFileSync(path, 'utf8')).toBe(text);
});

const page = (name: string) => pages.find(([known]) => known === name)?.[2] ?? '';

test('every metric in the sources is on the page', () => {
  const src = join(import.meta.dirname, '../../../src');
  const sources = globSync('{metrics,features}/**/*.ts', { cwd: src }).map((path) =>
    readFileSync(join(src, path), 'utf8'),
  );
  const names = [...sources.join('\n').matchAll(/'(quarry_[a-z_]+)'/g)].map(([, name]) => name ?? '');
  expect(names.length).toBeGreaterThan(15);
  expect(names.filter((name) => !page('metrics.md').includes(`| \`${name}\` |`))).toEqual([]);
});

test('every parameter of limits and reservations is on the page, once', () => {
  const shown = qosParameterHelp.flatMap(({ names }) => names);
  expect(shown.toSorted()).toEqual(qosParameterNames.toSorted());
});
