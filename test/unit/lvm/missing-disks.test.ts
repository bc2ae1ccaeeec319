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
  return { disks, settle, cache: parts.cache };
}

test('a disk that was away for long does not leave its group while another one may come back', async () => {
  const { disks, settle } = await start();
  await settle(missing('first'));
  clock = 1000;
  await settle(missing('first', '0'), missing('second', '0'));
  expect(disks.mayReturn(spec.group)).toBe(true);
  expect(await settle(missing('first'), missing('second'))).toEqual({ changed: false, problems: [] });
  expect(commands()).toEqual([]);
  clock = 2000;
  expect(disks.mayReturn(spec.group)).toBe(false);
});

test('an empty disk leaves its group although another missing one is in use', async () => {
  const { settle } = await start();
  await settle(missing('empty'), missing('used', '0'));
  clock = 1000;
  expect(await settle(missing('empty'), missing('used', '0'))).toMatchObject({ changed: true });
  expect(commands()).toEqual(['vgreduce --removemissing vg']);
});

test('what a power cut amid a repair leaves of the old copy is no volume, and is removed with its disk', async () => {
  const { cache, settle } = await start();
  const tags = [
    'v=1',
    'role=volume',
    'id=node-1:one',
    'name=one',
    'layout=thick/1/65536/1',
    'fs=none',
    'state=creating',
  ];
  const parts = ['one_rimage_1_extracted', 'one_rmeta_1_extracted'];
  for (const part of parts)
    lvm.volumes.set(part, {
      size: 8n * MiB,
      tags: new Set(tags.map((tag) => `quarry.${tag}`)),
      row: { lv_attr: '-wi-----p-' },
    });
  clock = 1000;
  await settle(missing('gone', '0'));
  expect(cache.current().volumes.size).toBe(0);
  expect(commands()).toEqual(parts.map((part) => `lvremove -y vg/${part}`));
  clock = 2000;
  await settle(missing('gone'));
  expect(commands().at(-1)).toBe('vgreduce --removemissing vg');
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
