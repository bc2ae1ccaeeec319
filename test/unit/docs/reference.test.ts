import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { generatePages } from '../../../docs/generate/main.ts';

const pages = [...generatePages()].map(([path, text]) => [basename(path), path, text] as const);

test.each(pages)('%s has what the code says; npm run generate writes it', (_name, path, text) => {
  expect(readFileSync(path, 'utf8')).toBe(text);
});
