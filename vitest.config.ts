import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';
import { exitWithParent } from './test/support/parent.ts';

exitWithParent();

// Threads, not forked processes: however the run is killed, its threads end at once, and with them the ends of the labs'
// pipes. One file at a time: rates must be measured alone.
const inGuests = {
  pool: 'threads',
  fileParallelism: false,
  hookTimeout: 180_000,
  testTimeout: 120_000,
  // The default of one second is less than a call takes on a busy machine, and with the default of 50 ms between two looks they take most of a guest's processor.
  expect: { poll: { timeout: 60_000, interval: 200 } },
} as const;

// A guest has one CPU, so that two files at once take little longer than one.
const twoAtOnce = { ...inGuests, fileParallelism: true, maxWorkers: 2, sequence: { groupOrder: 1 } } as const;

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      // Our modules keep no state between files, and loading them for each file took most of the run.
      // Many of them wait for a program or a connection: more workers than CPUs take half the time.
      {
        test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 60_000, isolate: false, maxWorkers: 4 },
      },
      { test: { name: 'fuzz', include: ['test/fuzz/**/*.test.ts'] } },
      { test: { name: 'deploy', include: ['test/deploy/**/*.test.ts'], testTimeout: 60_000 } },
      { test: { name: 'browser', include: ['test/browser/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 } },
      // Needs promtool, which takes minutes to build: not part of `npm test`, but of `npm run nightly`.
      { test: { name: 'alerts', include: ['test/alerts/**/*.test.ts'], testTimeout: 60_000 } },
      // Needs a Debian mirror and an npm registry each time, and minutes: not part of `npm test`.
      {
        test: {
          name: 'image',
          include: ['test/image/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 1_800_000,
        },
      },
      { test: { name: 'lab', include: ['test/lab/**/*.test.ts'], ...twoAtOnce } },
      { test: { name: 'sanity', include: ['test/sanity/**/*.test.ts'], ...twoAtOnce } },
      { test: { name: 'rates', include: ['test/rates/**/*.test.ts'], sequence: { groupOrder: 5 }, ...inGuests } },
      {
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          sequence: { groupOrder: 3 },
          ...inGuests,
          // Longer than a wait for Kubernetes, whose timeout names the condition.
          testTimeout: 400_000,
          // One thread keeps its modules for all files: they share one cluster, which takes longer to start than they run.
          isolate: false,
          maxWorkers: 1,
        },
      },
      { test: { name: 'scale', include: ['test/scale/**/*.test.ts'], sequence: { groupOrder: 4 }, ...inGuests } },
    ],
  },
});
