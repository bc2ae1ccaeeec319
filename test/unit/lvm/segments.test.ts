import { expect, test } from 'vitest';
import type { VgName } from '../../../src/domain/ids.ts';
import { readSegments } from '../../../src/lvm/evacuation/segments.ts';
import { FakeLvm } from './fake-lvm.ts';

const group = 'vg' as VgName;

function reporting(...rows: Record<string, string>[]): FakeLvm {
  const lvm = new FakeLvm();
  lvm.report = async () => ({ ok: true, rows });
  return lvm;
}

const at = { pv_name: '/dev/sda', pv_uuid: 'uuid-a', vg_name: 'vg', pvseg_start: '3', pvseg_size: '5' };

test('the segments of a group are those of its logical volumes, also of hidden ones', async () => {
  const lvm = reporting(
    { ...at, lv_name: 'a', segtype: 'striped' },
    { ...at, lv_name: '[b_rimage_0]', segtype: 'raid1' },
    { ...at, lv_name: '', segtype: 'free' },
    { ...at, lv_name: 'c', segtype: 'striped', vg_name: 'other' },
  );
  const place = { device: '/dev/sda', uuid: 'uuid-a', start: 3, extents: 5 };
  expect(await readSegments(lvm, group)).toEqual([
    { ...place, lv: 'a', striped: true },
    { ...place, lv: 'b_rimage_0', striped: false },
  ]);
});

test('a segment without numbers is not one at 0', async () => {
  const lvm = reporting({ ...at, lv_name: 'a', segtype: 'striped', pvseg_start: '' });
  const message = 'LVM\'s report has "" for pvseg_start instead of a number';
  await expect(readSegments(lvm, group)).rejects.toThrow(message);
});
