import { Gauge, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import type { Orphan } from '../../../../src/features/orphans/sightings.ts';
import type { Snapshot } from '../../../../src/domain/snapshot.ts';
import type { Volume } from '../../../../src/domain/volume.ts';
import type { Orphans } from '../../../../src/features/orphans/orphans.ts';
import type { OrphanRemoval } from '../../../../src/features/orphans/removal.ts';
import { createOrphanService } from '../../../../src/features/orphans/service.ts';
import { orphanFamilies, type OrphanSource } from '../../../../src/features/orphans/metrics.ts';

const orphanOf = (node: string, size: bigint): Orphan => ({ one: { node, size } as unknown as Volume, since: 0 });

/** The samples of the metrics, each time it is called. */
function metricsOf(source: OrphanSource) {
  const registry = new Registry();
  for (const gauge of orphanFamilies(source).gauges ?? [])
    registry.registerMetric(new Gauge({ ...gauge, registers: [] }));
  return async () => (await registry.metrics()).split('\n').filter((line) => line.startsWith('quarry'));
}

test('orphans are counted by node, and are absent while they are not known', async () => {
  let orphans: Orphan[] | undefined = [orphanOf('a', 5n), orphanOf('a', 6n), orphanOf('b', 7n)];
  const shown = metricsOf({ volumes: () => orphans });
  expect(await shown()).toEqual([
    'quarry_orphans{node="a"} 2',
    'quarry_orphans{node="b"} 1',
    'quarry_orphan_bytes{node="a"} 11',
    'quarry_orphan_bytes{node="b"} 7',
    'quarry_persistent_volumes_known 1',
  ]);
  orphans = [orphanOf('b', 7n)];
  expect((await shown()).filter((line) => line.includes('"a"'))).toEqual([]);
  orphans = undefined;
  expect(await shown()).toEqual(['quarry_persistent_volumes_known 0']);
});

test('orphaned snapshots are counted on their own, a thick one with its room', async () => {
  const snapshotOf = (node: string, size: bigint, room?: bigint): Orphan<Snapshot> => ({
    one: { node, size, room } as unknown as Snapshot,
    since: 0,
  });
  let snapshots: Orphan<Snapshot>[] | undefined = [snapshotOf('a', 50n), snapshotOf('a', 60n, 6n)];
  const shown = metricsOf({ volumes: () => [], snapshots: () => snapshots });
  expect(await shown()).toEqual([
    'quarry_persistent_volumes_known 1',
    'quarry_orphan_snapshots{node="a"} 2',
    'quarry_orphan_snapshot_bytes{node="a"} 56',
    'quarry_snapshot_contents_known 1',
  ]);
  snapshots = undefined;
  expect(await shown()).toEqual(['quarry_persistent_volumes_known 1', 'quarry_snapshot_contents_known 0']);
});

test('a list has the oldest orphans that fit a message, and the number of all', async () => {
  const found = Array.from({ length: 8001 }, () => orphanOf('a', 1n));
  const orphans = {
    list: async () => found,
    snapshots: () => 'unwatched',
    connected: () => true,
  } as unknown as Orphans;
  const removal = {} as OrphanRemoval;
  const listed = await createOrphanService(orphans, removal).listOrphans({}, {
    signal: new AbortController().signal,
  } as never);
  expect(listed.orphans).toHaveLength(8000);
  expect(listed.total).toBe('8001');
});
