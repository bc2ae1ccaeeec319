import { afterEach, beforeEach } from 'vitest';
import { HIT } from './hits.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** Names of the places that ran: during the test, or of a file outside its tests. */
    hits?: readonly string[];
  }
}

// Runs before each test file of a recording run: what runs before the first test, as modules load, belongs to the file.
const ofFile = new Set<string>();
let current = ofFile;
Object.assign(globalThis, { [HIT]: (place: string) => void current.add(place) });

beforeEach(() => void (current = new Set()));
afterEach(({ task }) => {
  task.meta.hits = [...current];
  task.file.meta.hits = [...ofFile];
  current = ofFile;
});
