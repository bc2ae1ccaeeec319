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
/** The change before or after which the process dies. */
let death: { step: number; when: 'before' | 'after' } | undefined;
/** The kinds in the volume's tags. */
let wanted: Set<string>;
/** Whether LVM answers. */
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

/** A process that has just started and has only the kernel's state. */
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

const open = () => started().open(volume.id, {}, signal);
const topSize = async (): Promise<bigint> => started().size((await open()).device);

test('opens a stack from the bottom to the top, once', async () => {
  const { device } = await open();
  expect(changes).toEqual(['open low', 'open high']);
  expect(devices.paths()).toEqual([bottom, expect.stringMatching(/quarry-low-/), device]);
  expect(await open()).toMatchObject({ device });
  expect(await started().find(volume.id, signal)).toEqual({ volume, device });
  expect(changes).toHaveLength(2);
  expect(await topSize()).toBe(985n);
});

test('uses the logical volume of a volume without layers', async () => {
  wanted.clear();
  expect((await open()).device).toBe(bottom);
  expect(await started().find(volume.id, signal)).toMatchObject({ device: bottom });
  await started().close(volume.id);
  expect(changes).toEqual([]);
});

test('finds no top of a stack that is closed or partly open', async () => {
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

test.each(['before', 'after'] as const)('continues an opening that died %s any layer', async (when) => {
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

test.each(['before', 'after'] as const)('continues a closing that died %s any layer', async (when) => {
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

test('closes a stack from the top to the bottom, once, without LVM, also after the tags have changed', async () => {
  await open();
  changes = [];
  lvm = false;
  wanted.clear();
  await started().close(volume.id);
  await started().close(volume.id);
  expect(changes).toEqual(['close high', 'close low']);
  expect(devices.paths()).toEqual([bottom]);
});

test('does not close a device that is in use, or the devices below it', async () => {
  const { device } = await open();
  devices.open.add(device);
  await expect(started().close(volume.id)).rejects.toMatchObject({ kind: 'unavailable' });
  expect(devices.paths()).toHaveLength(3);
});

test('grows a stack from the bottom to the top, once, also after a death between two layers', async () => {
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

test('grows a stack that is opened again after its volume grew', async () => {
  await open();
  size = 2000n;
  expect(await topSize()).toBe(1985n);
});

test('refuses a layer that is open on another device', async () => {
  wanted.delete('low');
  await open();
  wanted.add('low');
  await expect(open()).rejects.toMatchObject({ kind: 'precondition', message: expect.stringMatching(/quarry-high-/) });
});

test('derives different names within the 127 characters of device-mapper from any ids', () => {
  const long = 'x'.repeat(127);
  const names = ['y', 'z'].flatMap((last) =>
    started()
      .mapperNamesOf({ ...volume, id: `${long}${last}` as VolumeId })
      .slice(1),
  );
  expect(new Set(names).size).toBe(4);
  expect(Math.max(...names.map((name) => name.length))).toBeLessThan(128);
});

test('finds all mounts of a stack and all devices on the logical volume as uses', async () => {
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
