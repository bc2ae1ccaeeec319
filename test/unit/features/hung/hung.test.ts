import { writeFile } from 'node:fs/promises';
import { Gauge, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { createHungPart } from '../../../../src/features/hung/node.ts';
import { admin } from '../../../../src/grpc/load.ts';
import { quarry } from '../../cli/harness.ts';
import { serve } from '../../grpc/harness.ts';

const since = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const program = { pid: 77, argv: ['wipefs', '/dev/dm-1'], since };
const read = { what: 'zeroing the start of /dev/dm-2', since };
const { admin: Admin, metrics } = createHungPart({
  survivors: { list: () => [program] },
  patience: { hanging: () => [read] },
});

test('quarry hung lists programs with their process, and reads of Quarry itself without', async () => {
  const { path } = await serve({}, { additional: [{ interface: admin, services: { Admin } }] });
  await writeFile(`${path}.yaml`, `pools: []\nendpoint: unix://${path}`);
  const rows = (await quarry(['hung', '--config', `${path}.yaml`])).stdout.split('\n').map((row) => row.split(/ {2,}/));
  expect(rows).toEqual([
    ['PID', 'SINCE', 'WHAT'],
    ['77', '2026-01-02T03:04:05.678Z', 'wipefs /dev/dm-1'],
    ['', '2026-01-02T03:04:05.678Z', 'zeroing the start of /dev/dm-2'],
    [''],
  ]);
});

test('quarry_hung_operations counts programs and reads', async () => {
  const registry = new Registry();
  for (const gauge of metrics?.gauges ?? []) registry.registerMetric(new Gauge({ ...gauge, registers: [] }));
  expect(await registry.metrics()).toContain('quarry_hung_operations 2');
});
