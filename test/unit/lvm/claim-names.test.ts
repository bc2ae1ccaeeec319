import { expect, test } from 'vitest';
import type { VgName } from '../../../src/domain/ids.ts';
import { claimNames } from '../../../src/lvm/claim-names.ts';
import type { LvRecord } from '../../../src/lvm/records.ts';

function volume(id: string, pv: string | undefined, role = 'volume'): LvRecord {
  const tags = new Map([['id', id], ['role', role], ...(pv === undefined ? [] : [['pv', pv] as const])] as const);
  return { group: 'vg' as VgName, tags } as unknown as LvRecord;
}

const cache = (reported: boolean, ...volumes: LvRecord[]) => ({
  reported,
  report: () => ({ volumes, groups: [], devices: [] }) as never,
});

test('a volume has the claim of its record, and a copy of it has none', () => {
  const record = 'pv=pvc-1&namespace=db&claim=data-0';
  const all = [
    volume('a:1', record),
    volume('a:2', undefined),
    volume('a:3', 'pv=pvc-3'),
    volume('a:4', record, 'replica'),
  ];
  expect([...claimNames(cache(true, ...all))]).toEqual([['a:1', 'db/data-0']]);
  expect(claimNames(cache(false, ...all)).size).toBe(0);
});
