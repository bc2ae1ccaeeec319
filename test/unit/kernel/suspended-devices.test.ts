import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { suspendedDevices } from '../../../src/kernel/suspended-devices.ts';

let sys: string;
beforeEach(async () => void (sys = await mkdtemp(join(tmpdir(), 'suspended-'))));
afterEach(() => rm(sys, { recursive: true }));

async function device(name: string, attributes: Readonly<Record<string, string>> = {}): Promise<void> {
  const folder = join(sys, 'block', name, 'dm');
  await mkdir(folder, { recursive: true });
  for (const [key, value] of Object.entries(attributes)) await writeFile(join(folder, key), value);
}

test('names the devices of device-mapper that are suspended', async () => {
  await device('dm-0', { name: 'group-a\n', suspended: '0\n' });
  await device('dm-1', { name: 'group-b\n', suspended: '1\n' });
  await device('sda', { name: 'none\n', suspended: '1\n' });
  expect(await suspendedDevices(sys)).toEqual(['group-b']);
});

test('a device that vanishes while it is read is not suspended', async () => {
  await device('dm-0');
  await device('dm-1', { suspended: '1\n' });
  expect(await suspendedDevices(sys)).toEqual([]);
});

test('a sysfs that cannot be read is not one without suspended devices', async () => {
  const message = expect.stringContaining('the suspended devices could not be read: ENOENT');
  await expect(suspendedDevices(join(sys, 'absent'))).rejects.toMatchObject({ kind: 'unavailable', message });
});
