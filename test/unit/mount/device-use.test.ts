import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPatience } from '../../../src/concurrency/patience.ts';
import { parseMountinfo } from '../../../src/kernel/mountinfo.ts';
import { createReadDeviceUses } from '../../../src/mount/device-use.ts';

const device = '/dev/mapper/vg-x';
let sys: string;
beforeEach(() => {
  sys = mkdtempSync(join(tmpdir(), 'quarry-sys-'));
  put('dev/block/.keep', '');
  symlinkSync('../../devices/virtual/block/dm-3', join(sys, 'dev/block/253:3'));
});
afterEach(() => rmSync(sys, { recursive: true }));

function put(path: string, text: string): void {
  mkdirSync(join(sys, path, '..'), { recursive: true });
  writeFileSync(join(sys, path), text);
}

const line = (type: string, options: string, superOptions: string, target = '/stage') =>
  `30 1 253:3 / ${target} ${options} - ${type} ${device} ${superOptions}\n`;

/** How the device 253:3 is in use where these lines are the table of mounts. */
async function useOf(mountinfo: string, stat: () => Promise<unknown> = async () => undefined) {
  const read = createReadDeviceUses(createPatience(), {
    entries: async () => parseMountinfo(mountinfo),
    deviceBehind: async (entry) => entry.device,
    deviceNumberOf: async () => '253:3',
    stat,
    sys,
  });
  return (await read([device])).get(device);
}

const well = { access: 'mount', target: '/stage', turnedReadOnly: false, shutDown: false, errors: 0 };

test('a device that is not mounted has no use', async () => {
  expect(await useOf('30 1 253:4 / /other rw - ext4 /dev/other rw\n')).toBeUndefined();
});

test('a mounted filesystem without errors is well', async () => {
  put('fs/ext4/dm-3/errors_count', '0\n');
  expect(await useOf(line('ext4', 'rw', 'rw'))).toEqual(well);
});

test('a filesystem that was mounted read-only has not turned read-only, also with a pod that only reads', async () => {
  expect(await useOf(line('ext4', 'ro', 'ro'))).toEqual(well);
  expect(await useOf(line('ext4', 'rw', 'rw') + line('ext4', 'ro', 'rw', '/pod'))).toEqual(well);
});

test.each([
  ['rw', 'ro'],
  ['rw', 'rw,emergency_ro'],
])('a mount with %s over a filesystem with %s has turned read-only', async (options, superOptions) => {
  expect(await useOf(line('ext4', options, superOptions))).toEqual({ ...well, turnedReadOnly: true });
});

test('a filesystem is shut down if it says so, or if a stat of its root gives an I/O error', async () => {
  expect(await useOf(line('ext4', 'rw', 'rw,shutdown'))).toEqual({ ...well, shutDown: true });
  const fails = (code: string) => async () => Promise.reject(Object.assign(new Error(code), { code }));
  expect(await useOf(line('xfs', 'rw', 'rw'), fails('EIO'))).toEqual({ ...well, shutDown: true });
  expect(await useOf(line('xfs', 'rw', 'rw'), fails('ENOENT'))).toEqual(well);
});

test('the errors of ext4 are counted, and those of all devices of a btrfs', async () => {
  put('fs/ext4/dm-3/errors_count', '2\n');
  expect(await useOf(line('ext4', 'rw', 'rw'))).toEqual({ ...well, errors: 2 });
  for (const [id, name, count] of [
    ['one', 'dm-3', 4],
    ['two', 'dm-4', 100],
  ] as const) {
    put(`fs/btrfs/${id}/devices/${name}`, '');
    put(`fs/btrfs/${id}/devinfo/1/error_stats`, `write_errs ${count}\nread_errs 1\nflush_errs 0\n`);
  }
  put('fs/btrfs/features/raid56', '');
  expect(await useOf(line('btrfs', 'rw', 'rw'))).toEqual({ ...well, errors: 5 });
});

test('a device that is handed out raw has only its use', async () => {
  const bind = `30 1 253:3 /mapper/vg-x /stage/device rw - devtmpfs devtmpfs rw\n`;
  expect(await useOf(bind)).toEqual({ ...well, access: 'block', target: '/stage/device' });
});
