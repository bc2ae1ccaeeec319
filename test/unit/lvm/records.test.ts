import { describe, expect, test } from 'vitest';
import type { NodeName, PoolName } from '../../../src/domain/ids.ts';
import { decodeLv, decodePv, decodeVg } from '../../../src/lvm/records.ts';
import { roleOf, toVolume } from '../../../src/lvm/volume-records.ts';

const lv = {
  vg_name: 'vg',
  vg_uuid: 'g',
  lv_name: 'lv',
  lv_uuid: 'u',
  lv_size: '4096',
  lv_attr: '-wi-------',
  lv_tags: '',
  pool_lv: '',
  data_percent: '',
  metadata_percent: '',
};
const ours = ['quarry.id=node-1:lv', 'quarry.name=x', 'quarry.layout=thin'].join(',');
const volumeOf = (row: Partial<Record<string, string>>) =>
  toVolume(
    decodeLv({ ...lv, lv_tags: `${ours},quarry.role=volume`, ...row }),
    'fast' as PoolName,
    'node-1' as NodeName,
  );

describe('a logical volume of a report', () => {
  test('is read with all it has', () => {
    const row = {
      lv_attr: 'twi-aot---',
      lv_tags: 'quarry.boot=b1,quarry.boot=b2,theirs',
      lv_time: '2026-11-21 14:23:13 +0000',
      pool_lv: 'pool',
      lv_health_status: 'failed',
      lv_check_needed: 'check needed',
      data_percent: '12.50',
      metadata_percent: '1.25',
      lv_metadata_size: '8192',
      lv_when_full: 'error',
    };
    expect(decodeLv({ ...lv, ...row })).toMatchObject({
      group: 'vg',
      groupUuid: 'g',
      lv: 'lv',
      uuid: 'u',
      size: 4096n,
      boots: ['b1', 'b2'],
      created: Date.parse('2026-11-21T14:23:13Z'),
      active: true,
      open: true,
      thinPool: 'pool',
      isThinPool: true,
      health: 'failed',
      needsCheck: true,
      dataPercent: 12.5,
      metadataPercent: 1.25,
      metadataSize: 8192n,
      whenFull: 'error',
    });
  });

  test('is inactive, closed, healthy and outside a pool where the report says nothing else', () => {
    const record = decodeLv(lv);
    expect(record).toMatchObject({ active: false, open: false, thinPool: undefined, isThinPool: false, health: '' });
    expect(record).toMatchObject({ needsCheck: false, dataPercent: 0, metadataPercent: 0, boots: [] });
    expect(record.metadataSize).toBe(0n);
    expect(['created', 'whenFull'].filter((key) => key in record)).toEqual([]);
  });

  test.each(['1', 'check needed'])('needs a check if the report says "%s"', (text) =>
    expect(decodeLv({ ...lv, lv_check_needed: text }).needsCheck).toBe(true),
  );

  test('is refused if a field is absent or a size is no number of bytes', () => {
    for (const name of Object.keys(lv)) {
      const { [name]: _, ...rest } = lv as Record<string, string>;
      expect(() => decodeLv(rest)).toThrow(`LVM's report has no field ${name}`);
    }
    for (const size of ['', '4.00m', '-1', '4096B', ' 1'])
      expect(() => decodeLv({ ...lv, lv_size: size })).toThrow(`has "${size}" for lv_size instead of bytes`);
  });
});

describe('a volume of a report', () => {
  test('has a role, boots, a time and a mark only if its tags or its row have them', () => {
    const plain = volumeOf({});
    expect(plain).toMatchObject({ id: 'node-1:lv', name: 'x', state: 'ready', mkfsOptions: [], size: 4096n });
    for (const key of ['role', 'boots', 'created', 'retained']) expect(plain && key in plain, key).toBe(false);
    const tags = `${ours},quarry.role=arriving,quarry.boot=b,quarry.retain=1,quarry.state=creating`;
    expect(volumeOf({ lv_tags: tags, lv_time: '2026-11-21 14:23:13 +0000' })).toMatchObject({
      role: 'arriving',
      boots: ['b'],
      created: Date.parse('2026-11-21T14:23:13Z'),
      retained: true,
      state: 'creating',
    });
  });

  test('is none for an unknown role, and for a part of a mirrored volume', () => {
    expect(volumeOf({ lv_tags: `${ours},quarry.role=other` })).toBeUndefined();
    expect(roleOf({ tags: new Map([['role', 'other']]) })).toBeUndefined();
    expect(roleOf({ tags: new Map() })).toBeUndefined();
    expect(volumeOf({ lv_name: 'lv_rimage_0' })).toBeUndefined();
  });
});

test('a volume group of a report is read with its sizes, tags and missing devices', () => {
  const row = {
    vg_name: 'vg',
    vg_uuid: 'g',
    vg_size: '100',
    vg_free: '40',
    vg_extent_size: '4',
    vg_mda_size: '32',
    vg_mda_free: '16',
    vg_tags: 'quarry.pool=fast',
    vg_missing_pv_count: '2',
  };
  expect(decodeVg(row)).toEqual({
    group: 'vg',
    uuid: 'g',
    size: 100n,
    free: 40n,
    extentSize: 4n,
    metadata: { size: 32n, free: 16n },
    tags: new Map([['pool', 'fast']]),
    given: [],
    missingDevices: 2,
  });
});

test('a physical volume of a report is allocatable unless it is missing or set otherwise', () => {
  const row = { pv_name: '/dev/sda', pv_uuid: 'p', vg_name: '', vg_uuid: '', pv_free: '1', pv_size: '2' };
  const device = { device: '/dev/sda', uuid: 'p', group: undefined, groupUuid: '', free: 1n, size: 2n };
  const decoded = (pv_allocatable: string, pv_missing: string) => decodePv({ ...row, pv_allocatable, pv_missing });
  expect(decoded('allocatable', '')).toEqual({ ...device, allocatable: true, missing: false });
  expect(decoded('', '')).toMatchObject({ allocatable: false });
  expect(decoded('allocatable', 'missing')).toMatchObject({ allocatable: false, missing: true });
  expect(decodePv({ ...row, vg_name: 'vg', pv_allocatable: '', pv_missing: '' }).group).toBe('vg');
});
