import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const page = readFileSync(join(root, 'docs/explanation/trust.md'), 'utf8');

/** The rows of all tables with a column "Shown by": the first cell and the last. */
const rows = page
  .split(/\n\n/)
  .filter((block) => /^\|.*\| Shown by \|$/m.test(block))
  .flatMap((block) => block.split('\n').slice(2))
  .filter((line) => line.startsWith('|'))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map((cells) => ({ reader: cells[1] ?? '', shown: cells.at(-2) ?? '' }));

/** A file of tests or a folder of them, as the page names it. */
function pathOf(name: string): string {
  const path = name.startsWith('test/') ? name : `test/${name}`;
  return existsSync(join(root, `${path}.test.ts`)) ? `${path}.test.ts` : path;
}

test('each test that the table of trust names exists', () => {
  const missing = rows.flatMap(({ shown }) =>
    [...shown.matchAll(/`([^`]+)`((?:,? (?:and )?"[^"]+")*)/g)].flatMap(([, name = '', quotes = '']) => {
      const path = pathOf(name);
      if (!existsSync(join(root, path))) return [name];
      const texts = [...quotes.matchAll(/"([^"]+)"/g)].map(([, text]) => text ?? '');
      const file = texts.length > 0 ? readFileSync(join(root, path), 'utf8') : '';
      const names = [...file.matchAll(/\b(?:test|it|describe)\(\s*(['"`])(.+?)\1,/g)].map(([, , text]) => text);
      return texts.filter((text) => !names.some((one) => one?.includes(text))).map((text) => `${name}, "${text}"`);
    }),
  );
  expect(missing).toEqual([]);
});

test('each row of the table of trust names a test, or says that everything is lost', () => {
  expect(rows.length).toBeGreaterThan(30);
  const unproven = rows.filter(({ shown }) => !shown.includes('`')).map(({ reader }) => reader);
  expect(unproven).toEqual(['a person with root on the node while the volume is open']);
});
