import { isFailure } from '../../domain/errors.ts';
import type { Orphan } from './sightings.ts';
import type { Families } from '../../metrics/metrics.ts';

export interface OrphanSource {
  /** Throws `unavailable` while it is not known. */
  list(): readonly Orphan[];
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
      for (const orphan of known(source) ?? []) {
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
          this.set(known(source) ? 1 : 0);
        },
      },
    ],
  };
}

/** `undefined` while it is not known. */
function known(source: OrphanSource): readonly Orphan[] | undefined {
  try {
    return source.list();
  } catch (error) {
    if (isFailure(error, 'unavailable')) return undefined;
    throw error;
  }
}
