import { beforeEach, expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import { createDisksPart } from '../../../src/features/disks/node.ts';
import { LeavingDisks } from '../../../src/lvm/evacuation/leaving-disks.ts';
import { memoryLog } from '../grpc/harness.ts';
import { FakeLvm, spec } from './fake-lvm.ts';
import { fakeStorage } from './fake-storage.ts';

const { signal } = new AbortController();
const size = 1024n * MiB;
const emptyDisk = { pv_name: '/dev/sdb', pv_uuid: 'empty', pv_size: String(size), pv_free: String(size) };

let lvm: FakeLvm;
beforeEach(() => {
  lvm = new FakeLvm();
  lvm.disks = [{ ...emptyDisk, pv_missing: '' }];
});

/** Asks a node, and returns why it refuses. */
async function remove(disk: string, { dryRun = false, reserve = 0n } = {}): Promise<string | undefined> {
  const parts = fakeStorage({ lvm, pool: { ...spec, reserve } });
  await parts.cache.refresh();
  const leaving = new LeavingDisks(parts);
  const local = { ...parts, missing: { giveUp: () => undefined } };
  const { log } = memoryLog();
  const { admin } = createDisksPart({ local, leaving, jobs: { retry: () => undefined }, log });
  const answer = Promise.resolve(admin?.removeDisk?.({ disk, dryRun }, { signal } as never));
  return answer.then(
    () => undefined,
    (error: Error) => error.message,
  );
}

test.each(['/dev/sdb', 'empty'])('an empty disk leaves its group, named as %s', async (disk) => {
  expect(await remove(disk)).toBeUndefined();
  expect(lvm.commands).toEqual([['vgreduce', 'vg', '/dev/sdb']]);
  expect(await remove(disk)).toContain(`"${disk}" is not a disk of a pool of this node`);
});

test('a dry run changes nothing', async () => {
  expect(await remove('/dev/sdb', { dryRun: true })).toBeUndefined();
  expect(lvm.commands).toEqual([]);
});

test('a disk with something on it stays, and so does one without which the reserve would not hold: both are said', async () => {
  lvm.disks = [{ ...emptyDisk, pv_missing: '', pv_free: String(size - 32n * MiB) }];
  lvm.disk['pv_free'] = String(64n * MiB);
  const message = await remove('/dev/sdb', { reserve: 128n * MiB });
  expect(message).toMatch(/^32 MiB of vg are on \/dev\/sdb: .*\n.*keeps 128 MiB free.*64 MiB would be left without/);
  expect(lvm.commands).toEqual([]);
});

test('a disk leaves if just the reserve is left, and not if a byte is missing', async () => {
  lvm.disk['pv_free'] = String(64n * MiB);
  expect(await remove('/dev/sdb', { reserve: 64n * MiB + 1n })).toContain('64 MiB would be left without');
  expect(await remove('/dev/sdb', { reserve: 64n * MiB })).toBeUndefined();
});

test('the last disk of a group stays', async () => {
  lvm.disks = [];
  expect(await remove('/dev/sda')).toBe('/dev/sda is the last disk of vg');
});

test('no disk leaves a group that lacks one', async () => {
  lvm.disks.push({ pv_name: '[unknown]', pv_uuid: 'lost', pv_missing: 'missing', pv_allocatable: '' });
  expect(await remove('/dev/sdb')).toContain('disks of vg are missing');
  expect(lvm.commands).toEqual([]);
});
