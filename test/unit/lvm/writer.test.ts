import { expect, test } from 'vitest';
import { Failure } from '../../../src/domain/errors.ts';
import type { NodeName } from '../../../src/domain/ids.ts';
import { InventoryCache } from '../../../src/lvm/cache.ts';
import { FakeLvm, spec } from './fake-lvm.ts';
import type { LvName } from '../../../src/domain/ids.ts';
import { fakeWriter } from './fake-storage.ts';

const volume = { group: spec.group, lv: 'a' as LvName };

/** `pv`: fields of LVM's report on the group's only disk. */
async function start(pv: Record<string, string> = {}) {
  const lvm = new FakeLvm();
  Object.assign(lvm.disk, pv);
  lvm.volumes.set('a', { size: 8n, tags: new Set() });
  const cache = new InventoryCache(lvm, 'node-1' as NodeName, [spec]);
  await cache.refresh();
  const steps: string[] = [];
  const disk: { fails: boolean; error?: Error } = { fails: false };
  const devices = {
    async flush(device: string) {
      steps.push(`flush ${device}`);
      if (disk.error) throw disk.error;
      if (disk.fails) throw new Failure('unavailable', `flushing ${device}: no answer`);
    },
  };
  const writer = fakeWriter(lvm, cache, { devices, changed: () => void steps.push('change') });
  const tag = () => writer.retag('tagging a', volume, { add: 'quarry.v=1' });
  const look = () => writer.exclusive(spec.group, undefined, async () => undefined);
  return { steps, disk, tag, look, lvm };
}

test('a change of LVM is on the disks of its group before it is answered', async () => {
  const { steps, tag } = await start();
  await tag();
  expect(steps).toEqual(['change', 'flush /dev/sda']);
  await tag();
  expect(steps).toEqual(['change', 'flush /dev/sda', 'change', 'flush /dev/sda']);
});

test('the first turn of a group flushes what an earlier process may have changed; a later one without a change does not', async () => {
  const { steps, look } = await start();
  await look();
  await look();
  expect(steps).toEqual(['flush /dev/sda']);
});

test('a change fails if a disk does not answer, and the next turn flushes it', async () => {
  const { steps, disk, tag, look } = await start();
  disk.fails = true;
  await expect(tag()).rejects.toMatchObject({ kind: 'unavailable' });
  disk.fails = false;
  steps.length = 0;
  await look();
  expect(steps).toEqual(['flush /dev/sda']);
});

test('a flush that the disk answers with an error fails the change, and names the disk', async () => {
  const { disk, tag } = await start();
  disk.error = new Error('EIO: i/o error, fsync');
  await expect(tag()).rejects.toMatchObject({ kind: 'unavailable', message: expect.stringContaining('/dev/sda') });
});

test('a failed change is thrown as it is, and the next turn flushes what it may have done', async () => {
  const { steps, disk, look, tag, lvm } = await start();
  await look();
  steps.length = 0;
  disk.error = new Error('EIO: i/o error, fsync');
  lvm.beforeAnswer = ([command]) =>
    command === 'lvchange' ? Promise.reject(new Failure('unavailable', 'Failed to write')) : Promise.resolve();
  await expect(tag()).rejects.toThrow('Failed to write');
  delete disk.error;
  await look();
  expect(steps).toEqual(['change', 'flush /dev/sda']);
});

test('a disk that is missing is not flushed', async () => {
  const { steps, tag, lvm } = await start({ pv_name: '[unknown]', pv_missing: 'missing' });
  await tag();
  expect(steps).toEqual(['change']);
  expect(lvm.volumes.get('a')?.tags).toEqual(new Set(['quarry.v=1']));
});
