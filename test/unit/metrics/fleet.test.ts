import { Gauge, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { createHealthMetrics } from '../../../src/features/health/controller.ts';
import { controllerFamilies, fleetInventories } from '../../../src/metrics/fleet.ts';
import { poolGauges } from '../../../src/metrics/pools.ts';
import { contentGauges } from '../../../src/metrics/volumes.ts';
import { emptyPool, MemoryStorage, thickSpec } from '../../support/memory-storage.ts';
import { controllerOf } from '../controller/wishes.ts';

const pool = (name: string) => emptyPool(thickSpec(name), 1n << 30n);

test('a controller exports pools and health by node, of a disconnected node what it reported last', async () => {
  const nodes: [MemoryStorage, MemoryStorage] = [
    new MemoryStorage('a', [pool('fast'), pool('bulk')]),
    new MemoryStorage('b', [pool('fast')]),
  ];
  const { fleet } = controllerOf(nodes);
  const registry = new Registry();
  const families = [
    ...(controllerFamilies(fleet, () => new Map()).gauges ?? []),
    ...poolGauges(fleetInventories(fleet)),
    ...(createHealthMetrics(fleet).metrics?.gauges ?? []),
  ];
  for (const gauge of families) registry.registerMetric(new Gauge({ ...gauge, registers: [] }));
  const shown = async (name: string) =>
    (await registry.metrics()).split('\n').filter((line) => line.startsWith(`${name}{`));

  expect(await shown('quarry_pool_ready')).toEqual([
    'quarry_pool_ready{node="a",pool="fast"} 1',
    'quarry_pool_ready{node="a",pool="bulk"} 1',
    'quarry_pool_ready{node="b",pool="fast"} 1',
  ]);
  expect(await shown('quarry_pool_size_bytes')).toContain('quarry_pool_size_bytes{node="b",pool="fast"} 1073741824');
  expect(await shown('quarry_storage_health')).toEqual([]);
  expect((await shown('quarry_inventory_age_seconds')).map((line) => line.split(' ')[0])).toEqual([
    'quarry_inventory_age_seconds{node="a"}',
    'quarry_inventory_age_seconds{node="b"}',
  ]);

  nodes[1].health.set('fast', [{ reason: 'VolumeGroupPartial', message: 'a disk is missing' }]);
  nodes[1].changed();
  fleet.link('b').detach();
  expect(await shown('quarry_fleet_node_connected')).toEqual([
    'quarry_fleet_node_connected{node="a"} 1',
    'quarry_fleet_node_connected{node="b"} 0',
  ]);
  expect(await shown('quarry_storage_health')).toEqual([
    'quarry_storage_health{node="b",pool="fast",status="STORAGE_DEGRADED",reason="VolumeGroupPartial"} 1',
  ]);
  expect(await shown('quarry_pool_ready')).toContain('quarry_pool_ready{node="b",pool="fast"} 1');
});

test('volumes, snapshots and reserved rates are counted by pool', async () => {
  const spec = {
    ...thickSpec('fast'),
    budget: { rates: { readIops: 1000n, writeBandwidth: 500n }, unreserved: {}, reservable: 50 },
  };
  const storage = new MemoryStorage('a', [emptyPool(spec, 1n << 30n), pool('bulk')]);
  const { fleet } = controllerOf([storage]);
  await storage.create(
    {
      name: 'one',
      pool: spec.name,
      layout: { type: 'thick', stripes: 1, stripeSize: 65_536n, mirrors: 0 },
      size: { required: 1n << 20n },
      mkfsOptions: [],
      qos: { limits: {}, reservations: { readIops: { fixed: 70n } }, enforcement: 'report' },
    } as unknown as Parameters<MemoryStorage['create']>[0],
    AbortSignal.timeout(5000),
  );
  const registry = new Registry();
  for (const gauge of contentGauges(fleetInventories(fleet)))
    registry.registerMetric(new Gauge({ ...gauge, registers: [] }));
  const samples = (await registry.metrics()).split('\n').filter((row) => /^\w/.test(row));
  expect(samples).toEqual([
    'quarry_volumes{node="a",pool="fast"} 1',
    'quarry_volumes{node="a",pool="bulk"} 0',
    'quarry_snapshots{node="a",pool="fast"} 0',
    'quarry_snapshots{node="a",pool="bulk"} 0',
    'quarry_pool_reservable_operations_per_second{node="a",pool="fast",direction="read"} 500',
    'quarry_pool_reserved_operations_per_second{node="a",pool="fast",direction="read"} 70',
    'quarry_pool_reservable_bytes_per_second{node="a",pool="fast",direction="write"} 250',
    'quarry_pool_reserved_bytes_per_second{node="a",pool="fast",direction="write"} 0',
  ]);
});
