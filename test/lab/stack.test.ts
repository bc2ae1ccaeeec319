import { beforeAll, expect, test } from 'vitest';
import type { Guest } from '../../lab/guest.ts';
import { refused, useNode } from '../support/node-volumes.ts';
import { ioMax, podCgroup } from '../support/pods.ts';

const { guest: guestOf, call, startService, volume } = useNode('linear');
let guest: Guest;
beforeAll(() => {
  guest = guestOf();
});

const MiB = 1024 ** 2;
const total = (usage: { total: string }[]): number => Number(usage[0]?.total);
const shell = async (command: string): Promise<string> => (await guest.shell(command)).trim();
/** The path of the open layer on a volume; empty if there is none. */
const layerOn = (name: string) =>
  shell(`cd /sys/dev/block/$(stat -L -c '%Hr:%Lr' /dev/mapper/vg-${name})/holders
    for one in *; do [ -e $one ] && echo /dev/mapper/$(cat $one/dm/name); done; true`);

test('makes, measures and grows a filesystem on the top of the stack, and closes the stack at unstage', async () => {
  const v = volume('stacked');
  await v.create('-L 128M');
  await v.stage('ext4');
  await v.stage('ext4');
  const layer = await layerOn('stacked');
  expect(layer).toMatch(/^\/dev\/mapper\/quarry-linear-/);
  expect(await shell(`findmnt -n -o SOURCE ${v.staging}`)).toBe(layer);
  await v.publish('ext4');
  await guest.shell(`echo kept > ${v.target}/file`);
  await guest.shell('lvextend -q -L 256M vg/stacked');
  await v.expand();
  expect(await shell(`blockdev --getsize64 ${layer}`)).toBe(String(255 * MiB));
  expect(total(await v.stats())).toBeGreaterThan(220 * MiB);
  await v.unpublish();
  await v.unstage();
  await v.unstage();
  expect(await layerOn('stacked')).toBe('');
  await v.stage('ext4');
  expect(await shell(`cat ${v.staging}/file`)).toBe('kept');
  await v.unstage();
});

test('hands out the top of the stack as raw block device, with its size', async () => {
  const v = volume('raw');
  await v.create('-L 64M');
  await v.stage('block');
  await v.publish('block');
  const layer = await layerOn('raw');
  const number = await shell(`stat -L -c '%Hr:%Lr' ${layer}`);
  expect(await shell(`stat -c '%Hr:%Lr' ${v.target}`)).toBe(number);
  expect(await v.stats()).toMatchObject([{ total: String(63 * MiB) }]);
  expect(await v.expand()).toEqual({ capacityBytes: String(63 * MiB) });
  await v.unpublish();
  await v.unstage();
  expect(await layerOn('raw')).toBe('');
});

test('the next call continues after a kill between two steps, and after a refused close', async () => {
  const v = volume('killed');
  await v.create('-L 64M');
  await v.stage('block');
  const layer = await layerOn('killed');
  // The state after an unstage that died before it closed the layer.
  await guest.shell(`umount ${v.staging}/device`);
  await startService();
  const user = await guest.start(['sh', '-c', `exec 3<${layer}; echo opened; exec sleep 1000`]);
  await user.stdout.waitFor('opened');
  await expect(v.unstage()).rejects.toThrow(/busy/i);
  expect(await layerOn('killed')).toBe(layer);
  user.kill('SIGKILL');
  await user.exited;
  await v.unstage();
  expect(await layerOn('killed')).toBe('');
  await expect(v.publish('block')).rejects.toMatchObject(refused('precondition', 'not staged'));
});

test('finds the devices on a logical volume, and the mounts of all of them, as its uses', async () => {
  const v = volume('used');
  await v.create('-L 64M');
  await v.stage('ext4');
  const layer = await layerOn('used');
  await guest.shell(`DM_DISABLE_UDEV=1 dmsetup create held --table "0 8 linear ${v.device} 0"`);
  const uses = await call('usesOf', v.device);
  expect(uses).toHaveLength(3);
  expect(uses).toEqual(expect.arrayContaining([v.staging, layer, '/dev/mapper/held']));
  await guest.shell('DM_DISABLE_UDEV=1 dmsetup remove held');
  await v.unstage();
  expect(await call('usesOf', v.device)).toEqual([]);
});

test('enforces the limit of a volume on the top of its stack', async () => {
  const uid = '00000001-1111-2222-3333-444444444444';
  const cgroup = `/sys/fs/cgroup/${podCgroup(uid)}`;
  await guest.shell(`mkdir -p ${cgroup}`);
  const target = `/kubelet/pods/${uid}/volumes/kubernetes.io~csi/limited/mount`;
  const v = volume('limited');
  await v.create('-L 64M');
  await v.stage('ext4');
  await v.publish('ext4', false, target);
  const number = await shell(`stat -L -c '%Hr:%Lr' ${await layerOn('limited')}`);
  expect(await shell(`cat ${cgroup}/io.max`)).toBe(ioMax(number, { riops: 100 }));
  await v.unpublish(target);
  await v.unstage();
});
