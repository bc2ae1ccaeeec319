import { findPlaces, placeAt, placeName } from './hits.ts';
import type { Mutant } from './mutants.ts';
import type { Hits, Selection } from './unit-tests.ts';

export interface Covering {
  /** The tests that run the changed code, of the test file that takes least time first. */
  readonly selections: readonly Selection[];
  readonly milliseconds: number;
}

/** Finds the tests that run the changed code of a mutant of a file. */
export function coverageOf(hits: readonly Hits[]): (mutant: Mutant, code: string) => Covering {
  const byPlace = new Map<string, Hits[]>();
  for (const hit of hits) {
    for (const place of hit.places) {
      const known = byPlace.get(place);
      if (known === undefined) byPlace.set(place, [hit]);
      else known.push(hit);
    }
  }
  const testsOf = Map.groupBy(hits, ({ file }) => file);
  return (mutant, code) => {
    const index = placeAt(findPlaces(code), mutant.at);
    const covering = index === undefined ? [] : (byPlace.get(placeName(mutant.file, index)) ?? []);
    const files = [...Map.groupBy(covering, ({ file }) => file)].map(([file, found]) => {
      const whole = found.some(({ testId }) => testId === undefined);
      return selectionOf(file, whole ? (testsOf.get(file) ?? []) : found, whole);
    });
    files.sort((a, b) => a.milliseconds - b.milliseconds);
    return {
      selections: files.map(({ selection }) => selection),
      milliseconds: files.reduce((sum, { milliseconds }) => sum + milliseconds, 0),
    };
  };
}

function selectionOf(
  file: string,
  tests: readonly Hits[],
  whole: boolean,
): { selection: Selection; milliseconds: number } {
  const milliseconds = tests.reduce((sum, test) => sum + test.milliseconds, 0);
  const testIds = tests.map(({ testId }) => testId).filter((id) => id !== undefined);
  return { selection: whole ? { file } : { file, testIds }, milliseconds };
}
