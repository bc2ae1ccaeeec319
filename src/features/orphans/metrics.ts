import type { Families } from '../../metrics/metrics.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import type { Volume } from '../../domain/volume.ts';
import type { Orphan } from './sightings.ts';

/** At hand, without a look; `undefined` while it is not known. */
export type Latest<One extends Volume | Snapshot> = () => readonly Orphan<One>[] | undefined;

export interface OrphanSource {
  readonly volumes: Latest<Volume>;
  /** Absent where orphaned snapshots are not looked for. */
  readonly snapshots?: Latest<Snapshot> | undefined;
}

/** What is in no object of Kubernetes. While that is not known there are no figures, not zeros. */
export function orphanFamilies({ volumes, snapshots }: OrphanSource): Families {
  const count = () => 1;
  const size = ({ one }: Orphan<Volume | Snapshot>) => Number(one.size);
  return {
    gauges: [
      sums('quarry_orphans', 'Volumes that are in no PersistentVolume', volumes, count),
      sums('quarry_orphan_bytes', 'Size of the volumes that are in no PersistentVolume', volumes, size),
      known(
        'quarry_persistent_volumes_known',
        '1 while it is known which volumes are in a PersistentVolume; while it is 0, there are no figures of orphans',
        volumes,
      ),
      ...(snapshots ? snapshotGauges(snapshots) : []),
    ],
  };
}

function snapshotGauges(snapshots: Latest<Snapshot>) {
  const bytes = ({ one: { room, size } }: Orphan<Snapshot>) => Number(room ?? size);
  return [
    sums('quarry_orphan_snapshots', 'Snapshots that are in no VolumeSnapshotContent', snapshots, () => 1),
    sums(
      'quarry_orphan_snapshot_bytes',
      'Most that the snapshots in no VolumeSnapshotContent may take: their room, or the size of a thin one',
      snapshots,
      bytes,
    ),
    known(
      'quarry_snapshot_contents_known',
      '1 while it is known which snapshots are in a VolumeSnapshotContent; while it is 0, there are no figures of orphaned snapshots',
      snapshots,
    ),
  ];
}

type SetGauge = { reset(): void; set(labels: { node: string }, value: number): void };

/** A gauge of the sum of each node. */
function sums<One extends Volume | Snapshot>(
  name: string,
  help: string,
  latest: Latest<One>,
  worth: (orphan: Orphan<One>) => number,
) {
  return {
    name,
    help,
    labelNames: ['node'],
    collect(this: SetGauge) {
      this.reset();
      const byNode = new Map<string, number>();
      for (const orphan of latest() ?? [])
        byNode.set(orphan.one.node, (byNode.get(orphan.one.node) ?? 0) + worth(orphan));
      for (const [node, sum] of byNode) this.set({ node }, sum);
    },
  };
}

function known(name: string, help: string, latest: () => unknown) {
  return {
    name,
    help,
    collect(this: { set(value: number): void }) {
      this.set(latest() ? 1 : 0);
    },
  };
}
