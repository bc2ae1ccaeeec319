import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keyOf, readEquivalents } from '../../mutation/equivalents.ts';
import { applyMutant, findMutants, lineNumber, nameMutant } from '../../mutation/mutants.ts';

/** The sources that a kind of mutation makes of one. */
const mutated = (code: string, kind: string): string[] =>
  findMutants('a.ts', code)
    .filter((mutant) => mutant.kind === kind)
    .map((mutant) => applyMutant(code, mutant));

test.each([
  ['boundary', 'x = (a) < b', ['x = (a) <= b']],
  ['boundary', 'x = a < b ? a : b', []],
  ['comparison', 'x = a !== b', ['x = a === b']],
  ['logic', 'x = a && (b || c)', ['x = a || (b || c)', 'x = a && (b && c)']],
  ['negation', 'x = !a', ['x = a']],
  ['default', 'x = (a as B) ?? b', ['x = (a as B)']],
  ['default', "x = match[1] ?? ''", []],
  ['optional chain', 'x = a?.b?.(c)', ['x = a?.b(c)', 'x = a.b?.(c)']],
  ['arithmetic', 'x = a + b', ['x = a - b']],
  ['arithmetic', 'x = a + `b`', []],
  ['arithmetic', 'x += 1', ['x -= 1']],
  ['constant', 'x = 1_000', ['x = 1001']],
  ['constant', 'x = 1n', ['x = 2n']],
  ['boolean', 'x = true', ['x = false']],
  ['code', "f('lv_name')", ["f('')"]],
  ['code', "f('a text for people')", []],
  ['code', "this.log.info('started')", []],
  ['code', "const [, name = ''] = 'a'", ["const [, name = ''] = ''"]],
  ['regular expression', 'x = /^a$/u', ['x = /a$/u', 'x = /^a/u']],
  ['method', 'x = a.some(b)', ['x = a.every(b)']],
  ['method', 'x = a?.filter(b).c', ['x = a.c']],
  ['method', 'x = a.toString()', []],
  ['condition', 'if (a) b();', ['if (true) b();', 'if (false) b();']],
  ['condition', 'while (a) b();', ['while (false) b();']],
  [
    'removed statement',
    'await a(); b = 1; this.log.warn(e);',
    ['; b = 1; this.log.warn(e);', 'await a(); ; this.log.warn(e);'],
  ],
  ['removed statement', 'delete a.b;', [';']],
  ['emptied block', 'function f() { a(); return b; }', ['function f() {}']],
  ['emptied block', 'function f() { return b; }', []],
  ['emptied block', 'for (const a of b) { c(); }', ['for (const a of b) {}']],
])('a mutation of the kind "%s" of %s', (kind, code, expected) => {
  expect(mutated(code, kind).sort()).toEqual([...expected].sort());
});

test('types, imports and keys of objects are not mutated', () => {
  const code = "import a from 'b';\ntype C = 1 | 'd';\nexport const e = { 'f-g': a as unknown as { h: true } };";
  expect(findMutants('a.ts', code)).toEqual([]);
});

test('the name of a mutant has its line, the text and the replacement', () => {
  const code = 'const a = 1;\n  const b = a > 2;\n';
  const boundary = findMutants('a.ts', code).find(({ kind }) => kind === 'boundary');
  if (!boundary) throw new Error('there is no boundary');
  expect(nameMutant(boundary, code)).toEqual({ file: 'a.ts', line: 'const b = a > 2;', from: 'a > 2', to: 'a >= 2' });
  expect(lineNumber(code, boundary.start)).toBe(2);
});

test('each mutant that is named as equivalent is one of the source, has a reason, and is named once', () => {
  const equivalents = readEquivalents();
  const keys = new Map<string, Set<string>>();
  for (const { file } of equivalents) {
    const code = readFileSync(join(import.meta.dirname, '../../..', file), 'utf8');
    keys.set(file, new Set(findMutants(file, code).map((mutant) => keyOf(nameMutant(mutant, code)))));
  }
  expect(equivalents.filter((one) => keys.get(one.file)?.has(keyOf(one)) !== true)).toEqual([]);
  expect(equivalents.filter(({ reason }) => reason.length < 20)).toEqual([]);
  expect(new Set(equivalents.map(keyOf)).size).toBe(equivalents.length);
});
