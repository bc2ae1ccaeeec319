import type { Families } from '../../metrics/metrics.ts';

/** @param list the programs and reads that were given up and still run */
export function hungFamilies(list: () => readonly unknown[]): Families {
  return {
    gauges: [
      {
        name: 'quarry_hung_operations',
        help: 'Programs and reads that were given up at their deadline and still run, in uninterruptible sleep: "quarry hung" lists them',
        collect() {
          this.set(list().length);
        },
      },
    ],
  };
}
