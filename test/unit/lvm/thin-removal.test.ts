import { beforeEach, describe, expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import type { SnapshotId } from '../../../src/domain/ids.ts';
import type { InventoryCache } from '../../../src/lvm/cache.ts';
import type { LocalStorage } from '../../../src/lvm/storage.ts';
import type { FakeLvm } from './fake-lvm.ts';
import { fakeStorage, idOf } from './fake-storage.ts';

const { signal } = new AbortController();
let lvm: FakeLvm;
let cache: InventoryCache;
let storage: LocalStorage;
beforeEach(() => {
  ({ lvm, cache, storage } = fakeStorage());
});

describe.each(['volume', 'snapshot'])('the removal of a thin %s', (kind) => {
  const id = kind === 'volume' ? 'node-1:t' : 'node-1:snap-t';
  const remove = () =>
    kind === 'volume' ? storage.remove(idOf('t'), signal) : storage.snapshots.remove(id as SnapshotId, signal);

  /** The next row of the thin pool; the report in memory still shows it as healthy. */
  async function withPool(row: Record<string, string>): Promise<void> {
    const pool = { size: 512n * MiB, tags: new Set<string>(), row: { lv_attr: 'twi-aotz--' } };
    const tags = ['v=1', `role=${kind}`, `id=${id}`, 'name=t', 'layout=thin', 'fs=none', 'source=node-1:x'].map(
      (one) => `quarry.${one}`,
    );
    lvm.volumes.set('thinpool', pool);
    lvm.volumes.set('t', { size: 8n * MiB, tags: new Set(tags), row: { lv_attr: 'Vwi-a-tz--', pool_lv: 'thinpool' } });
    await cache.refresh();
    Object.assign(pool.row, row);
  }

  test.each([
    ['failed', { lv_health_status: 'failed' }],
    ['read-only', { lv_health_status: 'metadata_read_only' }],
    ['failed, and lacks a copy', { lv_health_status: 'partial' }],
    ['out of metadata, and lacks a copy', { lv_health_status: 'partial', metadata_percent: '90.00' }],
    ['to be checked', { lv_attr: 'twi-cotzM-', lv_check_needed: 'check needed' }],
  ])('changes nothing while its pool is %s', async (_state, row) => {
    await withPool(row);
    await expect(remove()).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining(`${kind} ${id} could not be removed: `),
    });
    expect(lvm.commands).toEqual([]);
  });

  test.each([
    ['works', {}],
    ['lacks a copy', { lv_health_status: 'partial', metadata_percent: '10.94' }],
    ['has no free data', { lv_health_status: 'out_of_data' }],
  ])('succeeds while its pool %s', async (_state, row) => {
    await withPool(row);
    await remove();
    expect(lvm.volumes.has('t')).toBe(false);
  });

  test('activates its pool first', async () => {
    await withPool({ lv_attr: 'twi---tz--' });
    await remove();
    expect(lvm.commands.map((command) => command.join(' '))).toEqual([
      'lvchange -a y -K --poll n vg/thinpool',
      'lvremove -y vg/t',
    ]);
  });

  test('succeeds if both are gone', async () => {
    await withPool({});
    lvm.volumes.clear();
    await remove();
    expect(lvm.commands).toEqual([]);
  });
});
