import { beforeEach, expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import { FakeLvm, spec } from './fake-lvm.ts';
import { fakeStorage, lostCopies } from './fake-storage.ts';

const size = String(512n * MiB);
const missing = (uuid: string, free = size) => ({
  pv_name: '[unknown]',
  pv_uuid: uuid,
  pv_allocatable: '',
  pv_missing: 'missing',
  pv_size: size,
  pv_free: free,
});

let lvm: FakeLvm;
let clock: number;
const commands = () => lvm.commands.map((argv) => argv.join(' '));

beforeEach(() => {
  lvm = new FakeLvm();
  clock = 0;
});

/** Disks are expected back for a second. */
async function start() {
  const parts = fakeStorage({ lvm });
  const disks = lostCopies(parts, 1000, () => clock).missing;
  const settle = async (...present: ReturnType<typeof missing>[]) => {
    lvm.disks = present;
    await parts.cache.refresh();
    return disks.settle(spec.group);
  };
  return { disks, settle };
}

test('a disk that was away for long does not leave its group while another one may come back', async () => {
  const { disks, settle } = await start();
  await settle(missing('first'));
  clock = 1000;
  await settle(missing('first', '0'), missing('second', '0'));
  expect(disks.mayReturn(spec.group)).toBe(true);
  expect(await settle(missing('first'), missing('second'))).toEqual([]);
  expect(commands()).toEqual([]);
  clock = 2000;
  expect(disks.mayReturn(spec.group)).toBe(false);
});

test('an empty disk leaves its group although another missing one is in use', async () => {
  const { settle } = await start();
  await settle(missing('empty'), missing('used', '0'));
  clock = 1000;
  await settle(missing('empty'), missing('used', '0'));
  expect(commands()).toEqual(['vgreduce --removemissing vg']);
});

test('a disk that was back is expected back anew when it is missing again', async () => {
  const { disks, settle } = await start();
  await settle(missing('first'));
  clock = 900;
  await settle();
  clock = 1000;
  await settle(missing('first'));
  expect(disks.mayReturn(spec.group)).toBe(true);
  expect(commands()).toEqual([]);
});
