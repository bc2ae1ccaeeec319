import { beforeEach, describe, expect, test } from 'vitest';
import { GiB, MiB } from '../../../src/domain/bytes.ts';
import { Failure } from '../../../src/domain/errors.ts';
import type { VolumeId } from '../../../src/domain/ids.ts';
import { defaultLayout } from '../../../src/domain/pool.ts';
import { noQos, type QosChange, type Rate } from '../../../src/domain/qos.ts';
import type { VolumeSpec } from '../../../src/domain/volume.ts';
import type { InventoryCache } from '../../../src/lvm/cache.ts';
import type { LocalStorage } from '../../../src/lvm/storage.ts';
import { FakeLvm, spec as plain } from './fake-lvm.ts';
import { fakeStorage } from './fake-storage.ts';

const spec = { ...plain, budget: { rates: { readIops: 1000n }, reservable: 80, unreserved: {} } };
const { signal } = new AbortController();
const idOf = (name: string) => `node-1:${name}` as VolumeId;
const volume = (name: string, readIops?: Rate, size = 8n * MiB): VolumeSpec => ({
  name,
  pool: spec.name,
  layout: defaultLayout(spec, 'thick'),
  size: { required: size },
  mkfsOptions: [],
  qos: { ...noQos, reservations: readIops ? { readIops } : {} },
});
const reserve = (readIops: Rate | 'none'): QosChange => ({ limits: {}, reservations: { readIops } });
const limit = (readIops: Rate | 'max'): QosChange => ({ limits: { readIops }, reservations: {} });

let lvm: FakeLvm;
let cache: InventoryCache;
let storage: LocalStorage;

beforeEach(async () => {
  lvm = new FakeLvm();
  ({ cache, storage } = fakeStorage({ lvm, pool: spec }));
  await cache.refresh();
});

const tagsOf = (name: string) =>
  [...(lvm.volumes.get(name)?.tags ?? [])].filter((tag) => tag.startsWith('quarry.qos='));
const exhausted = { kind: 'exhausted', message: expect.stringContaining('reservedReadIops') };

describe('the budget of a pool', () => {
  test('is never exceeded by concurrent creations', async () => {
    const calls = Array.from({ length: 20 }, (_, index) =>
      storage.create(volume(`v${index}`, { fixed: 100n }), signal),
    );
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(8);
    for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(exhausted);
    expect(lvm.volumes.size).toBe(8);
  });

  test('is free again after a removal outside of Quarry', async () => {
    await storage.create(volume('a', { fixed: 800n }), signal);
    await expect(storage.create(volume('b', { fixed: 1n }), signal)).rejects.toMatchObject(exhausted);
    lvm.volumes.delete('a');
    expect(await storage.create(volume('b', { fixed: 800n }), signal)).toMatchObject({ name: 'b' });
  });

  test('counts a volume whose creation had an unknown outcome', async () => {
    const change = lvm.change.bind(lvm);
    lvm.change = async (argv) => {
      await change(argv);
      lvm.beforeAnswer = () => Promise.reject(new Failure('unavailable', 'LVM hangs'));
      throw new Failure('unavailable', 'LVM ended before it answered');
    };
    await expect(storage.create(volume('a', { fixed: 800n }), signal)).rejects.toMatchObject({ kind: 'unavailable' });
    lvm.change = change;
    await expect(storage.create(volume('b', { fixed: 1n }), signal)).rejects.toMatchObject({ kind: 'unavailable' });
    lvm.beforeAnswer = async () => undefined;
    await expect(storage.create(volume('b', { fixed: 1n }), signal)).rejects.toMatchObject(exhausted);
    expect(await storage.create(volume('a', { fixed: 800n }), signal)).toMatchObject({ name: 'a' });
  });

  test('limits reservations that grow with the volume', async () => {
    await storage.create(volume('a', { perGiB: 10_000n }, 64n * MiB), signal);
    await expect(storage.expand(idOf('a'), { required: 128n * MiB }, signal)).rejects.toMatchObject(exhausted);
    expect(lvm.volumes.get('a')?.size).toBe(64n * MiB);
    expect(await storage.expand(idOf('a'), { required: 80n * MiB }, signal)).toMatchObject({ size: 80n * MiB });
  });

  test('does not limit volumes without reservations', async () => {
    await storage.create(volume('a', { fixed: 800n }), signal);
    expect(await storage.create(volume('b'), signal)).toMatchObject({ name: 'b' });
    expect(await storage.expand(idOf('b'), { required: 16n * MiB }, signal)).toMatchObject({ size: 16n * MiB });
  });
});

describe('a change of limits', () => {
  beforeEach(() => storage.create(volume('a', { fixed: 300n }), signal));

  test('runs one command, or none if nothing changes', async () => {
    lvm.commands.length = 0;
    const changed = await storage.modify(idOf('a'), limit({ perGiB: 5n, least: 400n }), signal);
    expect(changed.qos).toMatchObject({ limits: { readIops: { perGiB: 5n, least: 400n } } });
    expect(lvm.commands).toEqual([
      ['lvchange', '--deltag', 'quarry.qos=+2bri=300', '--addtag', 'quarry.qos=ri=5/400/&+2bri=300', 'vg/a'],
    ]);
    await storage.modify(idOf('a'), limit({ perGiB: 5n, least: 400n }), signal);
    await storage.modify(idOf('a'), { limits: {}, reservations: {} }, signal);
    expect(lvm.commands).toHaveLength(1);
    expect((await cache.refresh()).volumes.get(idOf('a'))).toEqual(changed);
  });

  test('removes the tag with the last setting', async () => {
    await storage.modify(idOf('a'), reserve('none'), signal);
    expect(tagsOf('a')).toEqual([]);
    await storage.modify(idOf('a'), limit({ fixed: 7n }), signal);
    expect(tagsOf('a')).toEqual(['quarry.qos=ri=7']);
  });

  test('is refused beyond the budget, and changes nothing', async () => {
    await storage.create(volume('b', { fixed: 400n }), signal);
    lvm.commands.length = 0;
    await expect(storage.modify(idOf('a'), reserve({ fixed: 401n }), signal)).rejects.toMatchObject(exhausted);
    expect(lvm.commands).toEqual([]);
    expect(cache.current().volumes.get(idOf('a'))?.qos.reservations).toEqual({ readIops: { fixed: 300n } });
    await storage.modify(idOf('a'), reserve({ fixed: 400n }), signal);
  });

  test('is refused if a limit would be less than the reservation', async () => {
    await expect(storage.modify(idOf('a'), limit({ fixed: 299n }), signal)).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining('reservedReadIops is 300 IOPS, more than the limit readIops of 299 IOPS'),
    });
  });

  test('starts from the settings in LVM, not from those in memory', async () => {
    const { tags } = lvm.volumes.get('a') ?? { tags: new Set() };
    tags.delete('quarry.qos=+2bri=300');
    // Added by hand without removing the first one.
    for (const tag of ['quarry.qos=wi=8', 'quarry.qos=wi=9']) tags.add(tag);
    const changed = await storage.modify(idOf('a'), limit({ fixed: 500n }), signal);
    expect(changed.qos.limits).toEqual({ readIops: { fixed: 500n }, writeIops: { fixed: 9n } });
    expect(tagsOf('a')).toEqual(['quarry.qos=ri=500&wi=9']);
  });

  test('is refused for a setting that a later version wrote', async () => {
    const { tags } = lvm.volumes.get('a') ?? { tags: new Set() };
    tags.clear();
    for (const tag of ['role=volume', `id=${idOf('a')}`, 'name=a', 'layout=thick/1/65536/0', 'qos=ri=5&rl=9']) {
      tags.add(`quarry.${tag}`);
    }
    await expect(storage.modify(idOf('a'), limit({ fixed: 6n }), signal)).rejects.toMatchObject({
      kind: 'precondition',
      message: expect.stringContaining('rl=9'),
    });
    expect(tagsOf('a')).toEqual(['quarry.qos=ri=5&rl=9']);
  });

  test('is refused for a volume that does not exist', async () => {
    await expect(storage.modify(idOf('x'), limit('max'), signal)).rejects.toMatchObject({ kind: 'not-found' });
    lvm.volumes.delete('a');
    await expect(storage.modify(idOf('a'), limit('max'), signal)).rejects.toMatchObject({ kind: 'not-found' });
  });
});

test('refuses to create a volume whose reservation exceeds its limit', async () => {
  const contradictory = volume('a', { perGiB: 100n }, GiB / 2n);
  const qos = { ...contradictory.qos, limits: { readIops: { fixed: 40n } } };
  await expect(storage.create({ ...contradictory, qos }, signal)).rejects.toMatchObject({ kind: 'invalid' });
  expect(lvm.volumes.size).toBe(0);
});
