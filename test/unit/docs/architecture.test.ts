import { globSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const byName = (a: string | undefined, b: string | undefined): number => ((a ?? '') < (b ?? '') ? -1 : 1);
const folders = readdirSync(join(root, 'src'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'gen')
  .map(({ name }) => name);

/** The imports between the folders of src, from the code, without `domain`, which every folder imports. */
function imports(): Set<string> {
  const edges = new Set<string>();
  for (const file of globSync('src/**/*.ts', { cwd: root })) {
    const [, from = ''] = file.split('/');
    for (const [, target = ''] of read(file).matchAll(/(?:from|import\() ?'(\.[^']+)'/g)) {
      const [, to = '', below] = normalize(join(dirname(file), target)).split('/');
      const counts = below !== undefined && folders.includes(from) && folders.includes(to) && to !== 'domain';
      if (counts && from !== to) edges.add(`${from} --> ${to}`);
    }
  }
  return edges;
}

test('the picture of the architecture shows every import between folders, and no other', () => {
  const page = read('docs/explanation/architecture.md');
  const drawn = new Set([...page.matchAll(/^ {2}(\w+ --> \w+)$/gm)].map(([, edge]) => edge ?? ''));
  expect([...drawn].toSorted(byName)).toEqual([...imports()].toSorted(byName));
});

test('the architecture page describes each folder', () => {
  const page = read('docs/explanation/architecture.md');
  const described = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  expect(described.toSorted(byName)).toEqual(folders.toSorted(byName));
});

test("the linter's rules cover every folder, and name only folders that exist", () => {
  const { overrides } = JSON.parse(read('.oxlintrc.json')) as { overrides: { files: string[] }[] };
  const ruled = overrides
    .flatMap(({ files }) => files)
    .flatMap((glob) => /^src\/(\w+)\/\*\*$/.exec(glob)?.[1] ?? [])
    .toSorted(byName);
  expect(ruled).toEqual(folders.toSorted(byName));
});
