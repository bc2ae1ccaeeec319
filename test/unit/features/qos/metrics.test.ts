import { Counter, Gauge, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { qosFamilies, type QosSource } from '../../../../src/features/qos/metrics.ts';

test('limits, states, repairs, failures and use, as the source has them at each scrape', async () => {
  const use = { readBytes: 1n, writtenBytes: 2n, reads: 3n, writes: 4n };
  const enforcement = { volume: 'n:a', pod: 'p', wanted: { readIops: 5n }, inForce: {}, state: 'failed', use };
  let enforcements = [enforcement];
  const counts = { driftRepaired: 6, failures: new Map([['write-refused', 7]]) };
  const source: QosSource = {
    table: {
      get enforcements() {
        return enforcements;
      },
      counts,
    },
    list: async () => enforcements,
  };
  const registry = new Registry();
  const { gauges = [], counters = [] } = qosFamilies(source);
  for (const gauge of gauges) registry.registerMetric(new Gauge({ ...gauge, registers: [] }));
  for (const counter of counters) registry.registerMetric(new Counter({ ...counter, registers: [] }));
  const samples = async () => (await registry.metrics()).split('\n').filter((row) => /^\w/.test(row));

  const expected = [
    'quarry_qos_wanted_operations_per_second{volume="n:a",pod_uid="p",direction="read"} 5',
    'quarry_qos_state{volume="n:a",pod_uid="p",state="enforced"} 0',
    'quarry_qos_state{volume="n:a",pod_uid="p",state="pending"} 0',
    'quarry_qos_state{volume="n:a",pod_uid="p",state="failed"} 1',
    'quarry_qos_drift_repaired_total 6',
    'quarry_qos_failures_total{reason="write-refused"} 7',
    'quarry_qos_io_bytes_total{volume="n:a",pod_uid="p",direction="read"} 1',
    'quarry_qos_io_bytes_total{volume="n:a",pod_uid="p",direction="write"} 2',
    'quarry_qos_io_operations_total{volume="n:a",pod_uid="p",direction="read"} 3',
    'quarry_qos_io_operations_total{volume="n:a",pod_uid="p",direction="write"} 4',
  ];
  expect(await samples()).toEqual(expected);
  expect(await samples()).toEqual(expected);
  enforcements = [{ ...enforcement, inForce: { readIops: 5n }, state: 'enforced' }];
  expect(await samples()).toContain(
    'quarry_qos_in_force_operations_per_second{volume="n:a",pod_uid="p",direction="read"} 5',
  );
  enforcements = [];
  expect(await samples()).toEqual([
    'quarry_qos_drift_repaired_total 6',
    'quarry_qos_failures_total{reason="write-refused"} 7',
  ]);
});
