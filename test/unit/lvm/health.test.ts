import { describe, expect, test } from 'vitest';
import type { GroupState } from '../../../src/domain/groups.ts';
import { isReason } from '../../../src/domain/health.ts';
import type { NodeName, VolumeId } from '../../../src/domain/ids.ts';
import { InventoryCache } from '../../../src/lvm/cache.ts';
import { thickSpec } from '../../support/memory-storage.ts';
import { FakeLvm, spec } from './fake-lvm.ts';

const tags = (id: string, layout = 'thin') =>
  new Set(
    ['v/1', 'role/volume', `id/${id}`, `name/${id}`, `layout/${layout}`, 'fs/none'].map((tag) =>
      tag.replace(/^/, 'quarry.').replace('/', '='),
    ),
  );
const id = 'node-1:x' as VolumeId;
const mirrored = 'thick/1/65536/1';
const thin = { share: 50, overprovision: 2, refuseAt: 90 };

/** The reasons by key, after a report with these fields of the volume `x` and the thin pool. */
async function healthWith({
  layout = 'thick/1/65536/0',
  row = {},
  pool,
}: {
  layout?: string;
  row?: object;
  pool?: object;
}) {
  const lvm = new FakeLvm();
  lvm.volumes.set('x', { size: 4n << 20n, tags: tags(id, layout), row: { ...row } });
  const thinSpec = thickSpec('fast', { group: spec.group, type: 'thin', thin });
  if (pool)
    lvm.volumes.set('thinpool', {
      size: 4n << 20n,
      tags: new Set(['quarry.role=thin-pool']),
      row: { lv_attr: 'twi-a-tz--', ...pool },
    });
  const cache = new InventoryCache(lvm, 'node-1' as NodeName, [pool ? thinSpec : spec]);
  const { health, volumes } = await cache.refresh();
  expect([...volumes.keys()]).toEqual([id]);
  return {
    cache,
    reasons: Object.fromEntries([...health].map(([key, all]) => [key, all.map(({ reason }) => reason)])),
  };
}

describe("LVM's report of a volume", () => {
  test.each([
    [{}, {}],
    [{ row: { lv_health_status: 'partial' } }, { [id]: ['DiskMissing'] }],
    [{ row: { lv_health_status: 'partial' }, layout: mirrored }, { [id]: ['MirrorDegraded'] }],
    [{ row: { lv_health_status: 'refresh needed' }, layout: mirrored }, { [id]: ['MirrorDegraded'] }],
    [{ row: { lv_health_status: 'mismatches exist' }, layout: mirrored }, { [id]: ['MirrorMismatch'] }],
    [{ row: { raid_sync_action: 'recover' }, layout: mirrored }, { [id]: ['MirrorResyncing'] }],
    [{ row: { raid_sync_action: 'check' }, layout: mirrored }, {}],
  ])('%o', async (report, expected) => {
    expect((await healthWith(report)).reasons).toEqual(expected);
  });
});

describe("LVM's report of a thin pool", () => {
  test.each([
    [{}, undefined],
    [{ lv_attr: 'twi---tz--' }, 'ThinPoolInactive'],
    [{ lv_health_status: 'failed' }, 'ThinPoolFailed'],
    [{ lv_check_needed: 'check needed' }, 'ThinPoolNeedsCheck'],
    [{ lv_health_status: 'out_of_data', data_percent: '100' }, 'ThinPoolOutOfData'],
    [{ lv_health_status: 'metadata_read_only' }, 'ThinPoolReadOnly'],
    [{ lv_health_status: 'metadata_read_only', metadata_percent: '95' }, 'ThinPoolOutOfMetadata'],
    [{ data_percent: '90' }, 'ThinPoolDataNearFull'],
    [{ data_percent: '89.99' }, undefined],
    [{ metadata_percent: '90' }, 'ThinPoolMetadataNearFull'],
  ])('%o', async (pool, reason) => {
    expect((await healthWith({ layout: 'thin', pool })).reasons).toEqual(reason ? { fast: [reason] } : {});
  });
});

test('what the kernel shows stays until it is observed again, and joins what LVM reports', async () => {
  const { cache } = await healthWith({ row: { raid_sync_action: 'recover' }, layout: mirrored });
  const reasons = () =>
    cache
      .current()
      .health.get(id)
      ?.map(({ reason }) => reason);
  cache.observe(new Map([[id, [{ reason: 'DeviceErrors', message: 'm' }]]]));
  expect(reasons()).toEqual(['MirrorResyncing', 'DeviceErrors']);
  await cache.refresh();
  expect(reasons()).toEqual(['MirrorResyncing', 'DeviceErrors']);
  cache.observe(new Map([[id, []]]));
  expect(reasons()).toEqual(['MirrorResyncing']);
  await cache.refresh();
  expect(reasons()).toEqual(['MirrorResyncing']);
});

test('reasons are known by their own names only', () => {
  expect(isReason('DiskMissing')).toBe(true);
  expect(isReason('toString')).toBe(false);
});

describe("LVM's report of a group", () => {
  const healthOf = async (lvm: FakeLvm, state: GroupState) => {
    const cache = new InventoryCache(lvm, 'node-1' as NodeName, [spec]);
    cache.identify(new Map([[spec.group, state]]));
    return (await cache.refresh()).health.get(spec.name)?.map(({ reason }) => reason);
  };

  test('that is gone, and that never was', async () => {
    const lvm = new FakeLvm();
    lvm.present = false;
    expect(await healthOf(lvm, { state: 'present', uuid: 'own' })).toEqual(['VolumeGroupMissing']);
    expect(await healthOf(lvm, { state: 'none' })).toEqual(['PoolNotReady']);
  });

  test('with an overfull thick snapshot', async () => {
    const lvm = new FakeLvm();
    lvm.volumes.set('snap-x', {
      size: 4n << 20n,
      tags: new Set(),
      row: { lv_attr: 'sri-I-s---', origin: 'x', origin_size: '4194304' },
    });
    expect(await healthOf(lvm, { state: 'present', uuid: 'own' })).toEqual(['SnapshotOverfull']);
  });
});
