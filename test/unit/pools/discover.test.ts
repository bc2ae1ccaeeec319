import { rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { discover } from '../../../src/pools/discover.ts';
import { readBlockDevice } from '../../../src/pools/sysfs.ts';
import { MiB } from '../../../src/domain/bytes.ts';
import type { DiskRule } from '../../../src/domain/pool.ts';
import { FakeMachine } from './fake-machine.ts';

async function namesOf(machine: FakeMachine, rule: DiskRule | string): Promise<string[]> {
  const { disks } = await discover(typeof rule === 'string' ? { paths: [rule] } : rule, machine.roots);
  return disks.map(({ name }) => name);
}

test('finds a disk once, by the first path that matches it', async () => {
  await using machine = await FakeMachine.create();
  await machine.add('sdb', { links: ['disk/by-id/wwn-b', 'disk/by-id/ata-b', 'disk/by-id/ata-b_1'] });
  const { disks } = await discover({ paths: ['/dev/disk/by-id/*', '/dev/sdb'] }, machine.roots);
  expect(disks).toEqual([
    {
      name: 'sdb',
      number: '8:0',
      device: machine.device('sdb'),
      path: machine.device('disk/by-id/ata-b'),
      size: 8n * MiB,
      readOnly: false,
      rotational: false,
      isPartition: false,
      partitions: [],
      holders: [],
      sequence: '7',
      wwid: undefined,
    },
  ]);
});

test('sorts by pattern, then by name with its number', async () => {
  await using machine = await FakeMachine.create();
  for (const name of ['nvme10n1', 'nvme2n1', 'sdb', 'sda']) await machine.add(name);
  expect(await namesOf(machine, { paths: ['/dev/sd*', '/dev/nvme*'] })).toEqual(['sda', 'sdb', 'nvme2n1', 'nvme10n1']);
});

test('applies every part of the rule', async () => {
  await using machine = await FakeMachine.create();
  await machine.add('sda', { size: 4 * 1024 * 1024, rotational: true });
  await machine.add('sdb', { size: 8 * 1024 * 1024 });
  await machine.add('sdc', { size: 0 });
  const paths = ['/dev/sd*'];
  expect(await namesOf(machine, { paths })).toEqual(['sda', 'sdb']);
  expect(await namesOf(machine, { paths, minSize: 4n * MiB })).toEqual(['sda', 'sdb']);
  expect(await namesOf(machine, { paths, minSize: 4n * MiB + 1n })).toEqual(['sdb']);
  expect(await namesOf(machine, { paths, maxSize: 4n * MiB })).toEqual(['sda']);
  expect(await namesOf(machine, { paths, rotational: true })).toEqual(['sda']);
  expect(await namesOf(machine, { paths, rotational: false })).toEqual(['sdb']);
});

test('matches partitions and unusual devices by a plain path, but not by a wildcard', async () => {
  await using machine = await FakeMachine.create();
  const unlikely = ['dm-0', 'loop0', 'zram0', 'ram0', 'sr0', 'nbd0'];
  for (const name of unlikely) await machine.add(name);
  await machine.add('sda', { partitions: ['sda1'], links: ['disk/by-id/ata-a'] });
  await symlink('../../sda1', machine.device('disk/by-id/ata-a-part1'));
  expect(await namesOf(machine, { paths: ['/dev/*', '/dev/disk/by-id/ata-*'] })).toEqual(['sda']);
  expect(await namesOf(machine, { paths: unlikely.map((name) => `/dev/${name}`) })).toEqual(unlikely);
  expect(await namesOf(machine, '/dev/disk/by-id/ata-a-part1')).toEqual(['sda1']);
  // Also if a wildcard matched it first.
  expect(await namesOf(machine, { paths: ['/dev/loop*', '/dev/loop0'] })).toEqual(['loop0']);
});

test('ignores paths that do not exist, or lead nowhere or out of /dev', async () => {
  await using machine = await FakeMachine.create();
  await machine.add('sda');
  await symlink('nowhere', machine.device('dangling'));
  await symlink('looping', machine.device('looping'));
  await symlink(machine.roots.proc, machine.device('outside'));
  await writeFile(machine.device('plain-file'), '');
  const paths = ['/dev/*', '/dev/absent', '/dev/disk/by-id/*', '/dev/dangling', '/dev/outside/swaps'];
  expect(await namesOf(machine, { paths })).toEqual(['sda']);
});

test('finds names with a slash and with the backslashes of udev', async () => {
  await using machine = await FakeMachine.create();
  await machine.add('cciss!c0d0', {});
  await machine.add('sda', { links: [String.raw`disk/by-id/usb-A\x20B`] });
  expect(await namesOf(machine, '/dev/cciss/*')).toEqual(['cciss!c0d0']);
  expect(await namesOf(machine, String.raw`/dev/disk/by-id/usb-A\x20B`)).toEqual(['sda']);
  expect(await namesOf(machine, '/dev/disk/by-id/usb-A?x20*')).toEqual(['sda']);
});

test('lists a device that the kernel does not describe, and the other devices', async () => {
  await using machine = await FakeMachine.create();
  await machine.add('sda');
  await machine.add('sdb');
  await writeFile(join(machine.sysfs('sda'), 'ro'), 'maybe\n');
  const { disks, unreadable } = await discover({ paths: ['/dev/sd*'] }, machine.roots);
  expect(disks.map(({ name }) => name)).toEqual(['sdb']);
  expect(unreadable).toEqual([
    {
      device: machine.device('sda'),
      path: machine.device('sda'),
      problem: expect.stringMatching(/^sysfs does not describe sda: .* is "maybe"$/),
    },
  ]);
});

test('reads partitions, holders and the disk of a partition', async () => {
  await using machine = await FakeMachine.create();
  await machine.add('sda', { partitions: ['sda2', 'sda1'], holders: ['dm-3'], rotational: true, readOnly: true });
  const disk = await readBlockDevice(machine.roots.sys, 'sda');
  expect(disk).toMatchObject({ partitions: ['sda1', 'sda2'], holders: ['dm-3'], rotational: true, readOnly: true });
  const partition = await readBlockDevice(machine.roots.sys, 'sda1');
  expect(partition).toMatchObject({ isPartition: true, rotational: true, partitions: [] });
  await rm(machine.sysfs('sda'), { recursive: true });
  expect(await readBlockDevice(machine.roots.sys, 'sda')).toBeUndefined();
});
