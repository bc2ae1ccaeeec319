import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** What an operator reads and types: paths relative to the repository. */
export function guidePages(): string[] {
  const folders = globSync(['docs/guides/*.md', 'docs/tutorial/*.md'], { cwd: root });
  return ['README.md', 'deploy/helm/quarry/README.md', ...folders.toSorted()];
}

/** All pages. */
export function allPages(): string[] {
  return [...new Set([...guidePages(), ...globSync('docs/**/*.md', { cwd: root }).toSorted()])];
}

const fenced = /^( *)```(\w*)\n(.*?)^\1```$/gms;

function textOf(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

/** A fenced block of a page of the documentation. */
export interface Block {
  readonly page: string;
  /** The word after the fence. */
  readonly language: string;
  /** Without the indentation of its fence. */
  readonly text: string;
}

/** The fenced blocks of a page, in its order; `page` is relative to the repository. */
export function blocksOf(page: string): Block[] {
  return [...textOf(page).matchAll(fenced)].map(([, indent = '', language = '', body = '']) => ({
    page,
    language,
    text: body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}

/** What stands in backquotes within the sentences of a page. */
export function inlineCodeOf(page: string): string[] {
  return [
    ...textOf(page)
      .replaceAll(fenced, '')
      .matchAll(/`([^`\n]+)`/g),
  ].map(([, code = '']) => code);
}

/** The only block of commands of the page that contains these words, for a test that runs it as it stands. */
export function commandsWith(page: string, words: string): string {
  const found = blocksOf(page).filter(({ language, text }) => language === 'sh' && text.includes(words));
  const [block] = found;
  if (block === undefined || found.length > 1) throw new Error(`${page}: ${found.length} blocks have "${words}"`);
  return block.text;
}
