import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const files = globSync('src/**/*.ts', { cwd: root }).filter((file) => !file.startsWith('src/gen/'));
const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
const folderOf = (file: string): string | undefined => file.split('/')[1];

/** `file#name` of every export that a file of another folder imports by its name. */
function usedElsewhere(): Set<string> {
  const used = new Set<string>();
  for (const [file, text] of texts) {
    for (const [, names = '', target = ''] of text.matchAll(/import (?:type )?\{([^}]*)\} from '(\.[^']+)'/g)) {
      const source = normalize(join(dirname(file), target));
      if (folderOf(source) === folderOf(file)) continue;
      for (const [, name] of names.matchAll(/(?:^|,)\s*(?:type )?(\w+)/g)) used.add(`${source}#${name}`);
    }
  }
  return used;
}

test('an export that another folder uses has a comment on its shape, units, errors or source', () => {
  const used = usedElsewhere();
  const declaration = /^export (?:async )?(?:const|function\*?|class|interface|type) (\w+)/;
  const bare: string[] = [];
  for (const [file, text] of texts) {
    const lines = text.split('\n');
    for (const [index, line] of lines.entries()) {
      const [, name] = declaration.exec(line) ?? [];
      const described = lines[index - 1]?.trimEnd().endsWith('*/') === true;
      if (name !== undefined && !described && used.has(`${file}#${name}`)) bare.push(`${file}#${name}`);
    }
  }
  expect(used.size).toBeGreaterThan(100);
  expect(bare).toEqual([]);
});
