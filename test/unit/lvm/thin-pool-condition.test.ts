import { expect, test } from 'vitest';
import type { LvName, VgName } from '../../../src/domain/ids.ts';
import type { LvRecord } from '../../../src/lvm/records.ts';
import { thinPoolCondition } from '../../../src/lvm/thin-pool.ts';

const group = 'vg' as VgName;
const lv = 'thinpool' as LvName;
const works = { group, lv, active: true, health: '', needsCheck: false, metadataPercent: 10 } as LvRecord;

test.each([
  ['a disk is missing', { active: false, health: 'partial' }, 'a disk under it is missing: bring the disk back'],
  ['somebody deactivated it', { active: false }, 'is not active: activate it with "lvchange -a y vg/thinpool"'],
  ['it needs a check', { needsCheck: true }, 'needs a check'],
])('a thin pool accepts no data because %s', (_, state, message) => {
  expect(thinPoolCondition({ ...works, ...state })?.message).toContain(message);
});

test('a thin pool that works has no condition', () => {
  expect(thinPoolCondition(works)).toBeUndefined();
});
