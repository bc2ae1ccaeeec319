import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { coverageOf } from '../../mutation/coverage.ts';
import { findPlaces, HIT, placeAt, recordHits } from '../../mutation/hits.ts';
import { findMutants } from '../../mutation/mutants.ts';

const code = `const lesser = (a, b) => (a < b ? a : b);
function classify(n, or = 'none') {
  if (n > 0) return 'positive';
  else if (n < 0) { return 'negative'; }
  switch (or) {
    case 'none':
      return lesser(n, 1);
  }
}`;

/** The first lines of the places that run with a call. */
function linesRun(call: string): string[] {
  const hits = new Set<string>();
  runInNewContext(`${recordHits('a.ts', code)}\n${call}`, { [HIT]: (place: string) => hits.add(place) });
  const places = findPlaces(code);
  return [...hits].map((hit) => {
    const place = places[Number(hit.split('#')[1])];
    return code.slice(place?.start, place?.end).split('\n', 1)[0]?.trim() ?? '';
  });
}

test('records the statements, branches, defaults and bodies of arrow functions that run', () => {
  expect(linesRun('')).toEqual(['const lesser = (a, b) => (a < b ? a : b);']);
  const positive = linesRun('classify(1)');
  expect(positive).toEqual(expect.arrayContaining(["if (n > 0) return 'positive';", "'none'", "return 'positive';"]));
  expect(positive).not.toContain("return 'negative';");
  const negative = linesRun('classify(-1, 2)');
  expect(negative).toContain("return 'negative';");
  expect(negative).not.toContain("'none'");
  expect(linesRun('classify(0)')).toEqual(expect.arrayContaining(['return lesser(n, 1);', '(a < b ? a : b)']));
});

test('recording does not change what the code does', () => {
  for (const n of [-1, 0, 1]) {
    const recorded: unknown = runInNewContext(`${recordHits('a.ts', code)}\nclassify(${n})`, {
      [HIT]: () => undefined,
    });
    expect(recorded).toBe(runInNewContext(`${code}\nclassify(${n})`));
  }
});

test('a mutant gets the tests that come to its statement, the shortest file first, and all of a file that loads it', () => {
  const mutant = findMutants('a.ts', code).find(({ start }) => code.startsWith("'positive'", start));
  if (!mutant) throw new Error('there is no mutant');
  const place = `a.ts#${placeAt(findPlaces(code), mutant.at)}`;
  const covering = coverageOf([
    { file: 'long', testId: '1', milliseconds: 50, places: [place] },
    { file: 'long', testId: '2', milliseconds: 5, places: ['a.ts#0'] },
    { file: 'short', testId: '1', milliseconds: 10, places: [] },
    { file: 'short', testId: '2', milliseconds: 20, places: [] },
    { file: 'short', milliseconds: 0, places: [place] },
  ]);
  expect(covering(mutant, code)).toEqual({
    selections: [{ file: 'short' }, { file: 'long', testIds: ['1'] }],
    milliseconds: 80,
  });
});
