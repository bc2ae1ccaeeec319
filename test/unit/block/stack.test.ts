import { beforeEach, expect, test } from 'vitest';
import { createStack } from '../../../src/block/stack.ts';
import { createUsesOf } from '../../../src/block/uses.ts';
import { Failure } from '../../../src/domain/errors.ts';
import type { VolumeId } from '../../../src/domain/ids.ts';
import { volumeWith } from '../domain/reserved.ts';
import { FakeDevices, fakeLayer } from './fake-devices.ts';

const { signal } = new AbortController();
const volume = volumeWith('a', {});
const bottom = '/dev/mapper/vg-a';

let devices: FakeDevices;
let changes: string[];
let size: bigint;
/** The change that the process dies at, and on which side of it. */
let death: { step: number; when: 'before' | 'after' } | undefined;
/** The kinds that the volume's tags ask for. */
let wanted: Set<string>;
/** Which part of LVM answers. */
let lvm: boolean;

beforeEach(() => {
  devices = new FakeDevices();
  changes = [];
  size = 1000n;
  death = undefined;
  wanted = new Set(['low', 'high']);
  lvm = true;
  devices.add(bottom, () => size);
});

function change<T>(what: string, effect: () => T): T {
  changes.push(what);
  const dies = death?.step === changes.length;
  if (dies && death?.when === 'before') throw new Error(`died before ${what}`);
  const result = effect();
  if (dies) throw new Error(`died after ${what}`);
  return result;
}

/** A process that has just started: it knows nothing but what the kernel says. */
function started() {
  const answers = <T>(value: T): T => {
    if (!lvm) throw new Failure('unavailable', 'LVM does not answer');
    return value;
  };
  const layer = (kind: string, header: bigint) =>
    fakeLayer(devices, kind, { header, change, appliesTo: () => wanted.has(kind) });
  return createStack({
    volumes: {
      activate: async () => answers({ volume, device: bottom }),
      mustFind: async () => answers(volume),
      deviceOf: () => bottom,
    },
    layers: [layer('low', 10n), layer('high', 5n)],
    kernel: devices,
  });
}

const open = () => started().open(volume.id, signal);
const topSize = async (): Promise<bigint> => started().size((await open()).device);

test('a stack opens from the bottom to the top, once', async () => {
  const { device } = await open();
  expect(changes).toEqual(['open low', 'open high']);
  expect(devices.paths()).toEqual([bottom, expect.stringMatching(/quarry-low-/), device]);
  expect(await open()).toMatchObject({ device });
  expect(await started().find(volume.id, signal)).toEqual({ volume, device });
  expect(changes).toHaveLength(2);
  expect(await topSize()).toBe(985n);
});

test('a volume without layers is its logical volume', async () => {
  wanted.clear();
  expect((await open()).device).toBe(bottom);
  expect(await started().find(volume.id, signal)).toMatchObject({ device: bottom });
  await started().close(volume.id);
  expect(changes).toEqual([]);
});

test('a stack that is not open, or not to the top, has no top', async () => {
  expect(await started().find(volume.id, signal)).toBeUndefined();
  wanted.delete('high');
  await open();
  expect(await started().find(volume.id, signal)).toBeDefined();
  wanted.add('high');
  expect(await started().find(volume.id, signal)).toBeUndefined();
  wanted.clear();
  await started().close(volume.id);
  devices.remove(bottom);
  expect(await started().find(volume.id, signal)).toBeUndefined();
});

test.each(['before', 'after'] as const)('an opening that died %s any layer is ended by the next', async (when) => {
  for (const step of [1, 2]) {
    changes = [];
    death = { step, when };
    await expect(open()).rejects.toThrow('died');
    death = undefined;
    expect((await open()).device).toMatch(/quarry-high-/);
    expect(await topSize()).toBe(985n);
    await started().close(volume.id);
    expect(devices.paths()).toEqual([bottom]);
  }
});

test.each(['before', 'after'] as const)('a closing that died %s any layer is ended by the next', async (when) => {
  for (const step of [1, 2]) {
    await open();
    changes = [];
    death = { step, when };
    await expect(started().close(volume.id)).rejects.toThrow('died');
    death = undefined;
    await started().close(volume.id);
    expect(devices.paths()).toEqual([bottom]);
  }
});

test('a stack closes from the top to the bottom, once, without LVM, and whatever the tags say by then', async () => {
  await open();
  changes = [];
  lvm = false;
  wanted.clear();
  await started().close(volume.id);
  await started().close(volume.id);
  expect(changes).toEqual(['close high', 'close low']);
  expect(devices.paths()).toEqual([bottom]);
});

test('a device that is used is not closed, nor is what it stands on', async () => {
  const { device } = await open();
  devices.open.add(device);
  await expect(started().close(volume.id)).rejects.toMatchObject({ kind: 'unavailable' });
  expect(devices.paths()).toHaveLength(3);
});

test('a growth passes from the bottom to the top, once, and also when it died between two layers', async () => {
  await open();
  for (const death_ of [undefined, { step: 1, when: 'after' }, { step: 2, when: 'before' }] as const) {
    size += 100n;
    changes = [];
    death = death_;
    if (death_) await expect(started().resize(volume.id, signal)).rejects.toThrow('died');
    else await started().resize(volume.id, signal);
    expect(changes).toEqual(death_?.step === 1 ? ['resize low'] : ['resize low', 'resize high']);
    death = undefined;
    await started().resize(volume.id, signal);
    await started().resize(volume.id, signal);
    const { device } = (await started().find(volume.id, signal)) ?? { device: '' };
    expect(await started().size(device)).toBe(size - 15n);
  }
});

test('a stack that was open while its volume grew has the new size when it is opened again', async () => {
  await open();
  size = 2000n;
  expect(await topSize()).toBe(1985n);
});

test('a layer that is open over another device is refused', async () => {
  wanted.delete('low');
  await open();
  wanted.add('low');
  await expect(open()).rejects.toMatchObject({ kind: 'precondition', message: expect.stringMatching(/quarry-high-/) });
});

test('names of device-mapper stay within its 127 characters, whatever the id, and differ', () => {
  const long = 'x'.repeat(127);
  const names = ['y', 'z'].flatMap((last) =>
    started()
      .mapperNamesOf({ ...volume, id: `${long}${last}` as VolumeId })
      .slice(1),
  );
  expect(new Set(names).size).toBe(4);
  expect(Math.max(...names.map((name) => name.length))).toBeLessThan(128);
});

test('every mount of the stack, and every device on the logical volume, uses it', async () => {
  const mounted = new Map<string, string>();
  const usesOf = createUsesOf(
    async (device, above) => [devices.get(device).number, ...above].flatMap((number) => mounted.get(number) ?? []),
    devices,
  );
  expect(await usesOf(bottom)).toEqual([]);
  const { device } = await open();
  mounted.set(devices.get(device).number, '/staging');
  expect(await usesOf(bottom)).toEqual(['/staging', expect.stringMatching(/quarry-low-/), device]);
  await started().close(volume.id);
  expect(await usesOf(bottom)).toEqual([]);
});
