import { expect, test } from 'vitest';
import type { LvName, NodeName, PoolName, VgName } from '../../../src/domain/ids.ts';
import type { LvRecord } from '../../../src/lvm/records.ts';
import { toSnapshot } from '../../../src/lvm/snapshots/snapshot-records.ts';

/** A thin snapshot with these tags besides those that each has. */
function record(tags: Readonly<Record<string, string>>, created?: number): LvRecord {
  const own = { v: '1', role: 'snapshot', id: 'n:snap-1', source: 'n:pvc-1', name: '1' };
  const lv = { group: 'vg' as VgName, lv: 'snap-1' as LvName, size: 4n, thinPool: 'thinpool' as LvName };
  const all = new Map(Object.entries({ ...own, ...tags }));
  return { ...lv, tags: all, ...(created !== undefined && { created }) } as unknown as LvRecord;
}

const takenOf = (lv: LvRecord) => toSnapshot(lv, 'fast' as PoolName, 'n' as NodeName)?.taken;

test('a snapshot was taken when its tag says so, else when LVM made it, else at an unknown time, which is 0', () => {
  expect(takenOf(record({ taken: '5000' }, 7000))).toBe(5000);
  expect(takenOf(record({}, 7000))).toBe(7000);
  expect(takenOf(record({}))).toBe(0);
  for (const wrong of ['x', '-1', '1.5', '9007199254740993']) expect(takenOf(record({ taken: wrong }, 7000))).toBe(0);
});
