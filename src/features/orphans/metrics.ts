import type { Orphan } from './sightings.ts';
import type { Families } from '../../metrics/metrics.ts';

export interface OrphanSource {
  /** At hand, without a look; `undefined` while it is not known. */
  latest(): readonly Orphan[] | undefined;
}

/** Volumes that are in no PersistentVolume. While that is not known there are no figures, not zeros. */
export function orphanFamilies(source: OrphanSource): Families {
  const gauge = (name: string, help: string, worth: (orphan: Orphan) => number) => ({
    name,
    help,
    labelNames: ['node'],
    collect(this: { reset(): void; set(labels: { node: string }, value: number): void }) {
      this.reset();
      const sums = new Map<string, number>();
      for (const orphan of source.latest() ?? []) {
        sums.set(orphan.volume.node, (sums.get(orphan.volume.node) ?? 0) + worth(orphan));
      }
      for (const [node, sum] of sums) this.set({ node }, sum);
    },
  });
  return {
    gauges: [
      gauge('quarry_orphans', 'Volumes that are in no PersistentVolume', () => 1),
      gauge('quarry_orphan_bytes', 'Size of the volumes that are in no PersistentVolume', ({ volume }) =>
        Number(volume.size),
      ),
      {
        name: 'quarry_persistent_volumes_known',
        help: '1 while it is known which volumes are in a PersistentVolume; while it is 0, there are no figures of orphans',
        collect() {
          this.set(source.latest() ? 1 : 0);
        },
      },
    ],
  };
}
