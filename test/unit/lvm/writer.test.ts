import { expect, test } from 'vitest';
import { Failure } from '../../../src/domain/errors.ts';
import type { NodeName } from '../../../src/domain/ids.ts';
import { InventoryCache } from '../../../src/lvm/cache.ts';
import { FakeLvm, spec } from './fake-lvm.ts';
import type { LvName } from '../../../src/domain/ids.ts';
import { fakeWriter } from './fake-storage.ts';

const volume = { group: spec.group, lv: 'a' as LvName };

async function start() {
  const lvm = new FakeLvm();
  lvm.volumes.set('a', { size: 8n, tags: new Set() });
  const cache = new InventoryCache(lvm, 'node-1' as NodeName, [spec]);
  await cache.refresh();
  const steps: string[] = [];
  const disk = { fails: false };
  const devices = {
    async flush(device: string) {
      steps.push(`flush ${device}`);
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
