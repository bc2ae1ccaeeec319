import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPatience } from '../../../src/concurrency/patience.ts';
import { createDevices } from '../../../src/lvm/devices.ts';

const MiB = 2 ** 20;
let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'quarry-wipe-'))));
afterEach(() => rm(folder, { recursive: true }));

/** A file of 2 MiB of ones, and the devices of a machine whose wipefs ends like this. */
async function ones(exitCode: number) {
  const device = join(folder, 'device');
  await writeFile(device, Buffer.alloc(2 * MiB, 1));
  const ran: (readonly string[])[] = [];
  const run = async (argv: readonly string[]) => {
    ran.push(argv);
    return { exitCode, stdout: '', stderr: 'probing initialization failed\n' };
  };
  const devices = createDevices(run, createPatience({ groupOf: (key) => key }));
  return { wipe: () => devices.wipe(device), ran, content: () => readFile(device), device };
}

test('a device that is wiped has no signature, and zeros in its first MiB alone', async () => {
  const { wipe, ran, content, device } = await ones(0);
  await wipe();
  expect(ran).toEqual([['wipefs', '--all', '--quiet', device]]);
  expect((await content()).equals(Buffer.concat([Buffer.alloc(MiB), Buffer.alloc(MiB, 1)]))).toBe(true);
});

test('a device whose signatures stay is not wiped, and the error says why', async () => {
  const { wipe, content, device } = await ones(1);
  const message = `${device} could not be wiped: probing initialization failed`;
  await expect(wipe()).rejects.toMatchObject({ kind: 'unavailable', message });
  expect((await content())[0]).toBe(1);
});
