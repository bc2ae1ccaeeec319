import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createPatience } from '../../../../src/concurrency/patience.ts';
import { Failure } from '../../../../src/domain/errors.ts';
import type { DeviceUse } from '../../../../src/domain/filesystems.ts';
import type { Volume } from '../../../../src/domain/volume.ts';
import { Observer } from '../../../../src/features/health/observer.ts';

const signal = new AbortController().signal;
const folder = mkdtempSync(join(tmpdir(), 'quarry-health-'));
afterAll(() => rmSync(folder, { recursive: true }));
const well = join(folder, 'well');
writeFileSync(well, new Uint8Array(8192));
const volume = { id: 'a:x' } as Volume;
const mounted: DeviceUse = { access: 'mount', target: '/pod', turnedReadOnly: false, shutDown: false, errors: 0 };

/** A machine with one volume; `use`: how its device is in use. */
function observerOf(device: string, use?: DeviceUse): Observer {
  const find = async () => ({ volume, device });
  return new Observer({
    devices: { find, size: async () => 8192n } as never,
    deviceUses: async () => new Map(use ? [[device, use]] : []),
    patience: createPatience(),
  });
}

const reasonsOf = async (observer: Observer, also?: Volume['id']) =>
  (await observer.observe([volume], signal, also)).get(volume.id)?.map(({ reason }) => reason);

test('a mounted volume whose device can be read has no condition', async () => {
  expect(await reasonsOf(observerOf(well, mounted))).toEqual([]);
});

test.each([
  [{ turnedReadOnly: true }, 'FilesystemReadOnly'],
  [{ shutDown: true }, 'FilesystemShutDown'],
  [{ errors: 3 }, 'FilesystemErrors'],
] as const)('a filesystem with %o is %s', async (over, reason) => {
  expect(await reasonsOf(observerOf(well, { ...mounted, ...over }))).toEqual([reason]);
});

test('a device that cannot be read is reported, and one that is not in use is read only if it is asked for', async () => {
  // A read of a folder fails.
  expect(await reasonsOf(observerOf(folder, mounted))).toEqual(['DeviceErrors']);
  expect(await reasonsOf(observerOf(folder))).toEqual([]);
  expect(await reasonsOf(observerOf(folder), volume.id)).toEqual(['DeviceErrors']);
});

test('a volume that was removed meanwhile has no condition', async () => {
  const gone = new Observer({
    devices: { find: async () => Promise.reject(new Failure('not-found', 'gone')) } as never,
    deviceUses: async () => new Map(),
    patience: createPatience(),
  });
  expect(await reasonsOf(gone)).toEqual([]);
});
