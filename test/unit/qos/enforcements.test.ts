import { expect, test } from 'vitest';
import type { Finding } from '../../../src/qos/reconcile.ts';
import { createEnforcementTable } from '../../../src/qos/enforcements.ts';
import { volumeWith } from '../domain/reserved.ts';
import { memoryLog } from '../grpc/harness.ts';

const finding: Finding = {
  volume: volumeWith('a', {}),
  pod: 'p',
  target: '/t',
  device: '253:0',
  wanted: { readIops: 100n },
  inForce: { readIops: 100n },
  wrote: true,
  cgroup: '/pod',
  cgroups: ['/pod/one'],
};

test('counts a write as a repair only if the same cgroups had the same limit in force', () => {
  const table = createEnforcementTable(memoryLog().log);
  const repairsAfter = (found: Finding): number => {
    table.update([found]);
    return table.counts.driftRepaired;
  };
  expect(repairsAfter(finding)).toBe(0);
  expect(repairsAfter({ ...finding, wrote: false })).toBe(0);
  expect(repairsAfter(finding)).toBe(1);
  // A new container shares the limit.
  const shared = { ...finding, cgroups: ['/pod/one', '/pod/two'] };
  expect(repairsAfter(shared)).toBe(1);
  expect(repairsAfter({ ...shared, wanted: { readIops: 50n } })).toBe(1);
  expect(repairsAfter({ ...shared, reason: 'write-refused' })).toBe(1);
  expect(repairsAfter(shared)).toBe(1);
  expect(repairsAfter(shared)).toBe(2);
});

test('forgets a volume and pod that are gone, and starts again when they return', () => {
  let time = 1;
  const table = createEnforcementTable(memoryLog().log, () => time);
  table.update([finding]);
  table.update([]);
  expect(table.enforcements).toEqual([]);
  time = 2;
  table.update([finding]);
  expect(table.enforcements).toMatchObject([{ since: 2 }]);
  expect(table.counts.driftRepaired).toBe(0);
});

test('two targets without a pod are two entries, and the log names the target, or else the pod', () => {
  const { log, lines } = memoryLog();
  const table = createEnforcementTable(log);
  const unknown = { ...finding, pod: undefined, reason: 'unknown-pod' } as const;
  table.update([{ ...unknown, target: '/a' }, { ...unknown, target: '/b', reason: 'unexamined' }, finding]);
  table.update([{ ...unknown, target: '/a' }, { ...unknown, target: '/b', reason: 'unexamined' }, finding]);
  expect(lines.map(({ fields }) => [fields['target'], fields['pod']])).toEqual([
    ['/a', undefined],
    ['/b', undefined],
    [undefined, 'p'],
  ]);
});

test('counts a failure by its reason, and neither a limit in force nor a pod that is awaited', () => {
  const table = createEnforcementTable(memoryLog().log);
  table.update([finding, { ...finding, target: '/u', pod: 'q', reason: 'no-pod-cgroup' }]);
  expect(table.counts.failures).toEqual(new Map());
  table.update([{ ...finding, reason: 'write-refused' }]);
  expect(table.counts.failures).toEqual(new Map([['write-refused', 1]]));
});
