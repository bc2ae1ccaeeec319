import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files of the lab that take minutes. A fresh clone has no record of durations, and one of them at the end would run alone. */
const longest = ['sanity/sanity.test.ts', 'lab/storm.test.ts', 'lab/fleet.test.ts', 'lab/replay.test.ts'];

/** Runs the files that take longest first, and the others in Vitest's order. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const found = longest.findIndex((name) => moduleId.endsWith(name));
      return found === -1 ? longest.length : found;
    };
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other));
  }
}
