import { expect, test } from 'vitest';
import { Failure } from '../../../src/domain/errors.ts';
import type { NodeName } from '../../../src/domain/ids.ts';
import { InventoryCache } from '../../../src/lvm/cache.ts';
import { FakeLvm, spec } from './fake-lvm.ts';

/** Reports that end one by one, when the test says so. */
function slowReports() {
  const lvm = new FakeLvm();
  const ends: PromiseWithResolvers<void>[] = [];
  lvm.beforeAnswer = () => {
    const end = Promise.withResolvers<void>();
    ends.push(end);
    return end.promise;
  };
  return { ends, cache: new InventoryCache(lvm, 'node-1' as NodeName, [spec]) };
}

test('calls that come while a report runs share the next one', async () => {
  const { ends, cache } = slowReports();
  const first = cache.refresh();
  const later = [cache.refresh(), cache.refresh(), cache.refresh()];
  expect(ends).toHaveLength(1);
  ends[0]?.resolve();
  await first;
  await expect.poll(() => ends.length).toBe(2);
  ends[1]?.resolve();
  await Promise.all(later);
  expect(ends).toHaveLength(2);
});

test('a report that fails fails only the calls that share it', async () => {
  const { ends, cache } = slowReports();
  const hung = new Failure('unavailable', 'LVM did not answer');
  const first = cache.refresh();
  const second = cache.refresh();
  ends[0]?.reject(hung);
  await expect(first).rejects.toThrow(hung);
  await expect.poll(() => ends.length).toBe(2);
  const third = cache.refresh();
  ends[1]?.reject(hung);
  await expect(second).rejects.toThrow(hung);
  await expect.poll(() => ends.length).toBe(3);
  ends[2]?.resolve();
  await third;
  expect(cache.reported).toBe(true);
});
