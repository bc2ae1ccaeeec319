import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { generateTypes } from '../../../proto/generate.ts';

const root = join(import.meta.dirname, '../../../src/gen');

function committed(): Map<string, string> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name));
  return new Map(paths.map((path) => [relative(root, path), readFileSync(path, 'utf8')]));
}

test('src/gen is exactly what `npm run generate` writes', () => {
  expect(Object.fromEntries(committed())).toEqual(Object.fromEntries(generateTypes()));
});
