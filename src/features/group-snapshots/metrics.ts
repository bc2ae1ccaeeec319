import type { Families, Values } from '../../metrics/metrics.ts';

/** @param pauses in seconds */
export function groupSnapshotFamilies(pauses: Values): Families {
  return {
    histograms: [
      {
        configuration: {
          name: 'quarry_group_snapshot_pause_seconds',
          help: 'How long the writes to the volumes of a group snapshot were paused; those that failed count too',
          buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
        },
        values: pauses,
      },
    ],
  };
}
