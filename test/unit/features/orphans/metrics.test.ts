import { Gauge, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import type { Orphan } from '../../../../src/features/orphans/sightings.ts';
import type { Volume } from '../../../../src/domain/volume.ts';
import type { Orphans } from '../../../../src/features/orphans/orphans.ts';
import { createOrphanService } from '../../../../src/features/orphans/service.ts';
import { orphanFamilies } from '../../../../src/features/orphans/metrics.ts';

const orphanOf = (node: string, size: bigint): Orphan => ({ volume: { node, size } as unknown as Volume, since: 0 });

test('orphans are counted by node, and are absent while they are not known', async () => {
  let orphans: Orphan[] | undefined = [orphanOf('a', 5n), orphanOf('a', 6n), orphanOf('b', 7n)];
  const registry = new Registry();
  for (const gauge of orphanFamilies({ latest: () => orphans }).gauges ?? []) {
    registry.registerMetric(new Gauge({ ...gauge, registers: [] }));
  }
  const shown = async () => (await registry.metrics()).split('\n').filter((line) => line.startsWith('quarry'));
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

test('a list has the oldest orphans that fit a message, and the number of all', async () => {
  const found = Array.from({ length: 8001 }, () => orphanOf('a', 1n));
  const orphans = {
    list: async () => found,
    snapshots: () => 'unwatched',
    connected: () => true,
  } as unknown as Orphans;
  const listed = await createOrphanService(orphans).listOrphans({}, { signal: new AbortController().signal } as never);
  expect(listed.orphans).toHaveLength(8000);
  expect(listed.total).toBe('8001');
});
