import { beforeAll, describe, expect, test } from 'vitest';
import type { Guest } from '../../lab/guest.ts';
import { refused, useNode } from '../support/node-volumes.ts';

const { guest: guestOf, call, volume } = useNode();
let guest: Guest;

beforeAll(() => {
  guest = guestOf();
});

const total = (usage: { total: string }[]): number => Number(usage[0]?.total);
const MiB = 1024 ** 2;

describe.each(['ext4', 'xfs', 'btrfs'])('%s', (type) => {
  test('makes, mounts, publishes read-only, grows online and at stage, and undoes', async () => {
    const v = volume(type);
    await v.create();
    await v.stage(type);
    await v.stage(type);
    await v.publish(type);
    await v.publish(type);
    await guest.shell(`echo kept > ${v.target}/file`);
    await v.publish(type, true, `/kubelet/pods/${type}/reader`);
    await v.publish(type, true, `/kubelet/pods/${type}/reader`);
    const reader = `/data/kubelet/pods/${type}/reader`;
    expect((await guest.exec(['touch', `${reader}/x`])).stderr).toContain('Read-only file system');
    expect(await call('usesOf', v.device)).toEqual([v.staging, v.target, reader]);

    await guest.shell(`lvextend -q -L 768M vg/${type}`);
    expect(await v.expand()).toEqual({ capacityBytes: String(768 * MiB) });
    const grown = await v.stats();
    expect(total(grown)).toBeGreaterThan(600 * MiB);
    expect(grown.map(({ unit }) => unit)).toEqual(type === 'btrfs' ? ['BYTES'] : ['BYTES', 'INODES']);

    await expect(v.unstage()).rejects.toMatchObject(refused('precondition', v.target));
    await v.unpublish();
    await v.unpublish(`/kubelet/pods/${type}/reader`);
    await v.unstage();
    await v.unstage();
    expect(await call('usesOf', v.device)).toEqual([]);
    expect(await guest.shell(`ls -A ${v.staging} /data/kubelet/pods/${type}`)).not.toMatch(/device|mount|reader/);

    await guest.shell(`lvextend -q -L 1G vg/${type}`);
    await v.stage(type);
    await v.publish(type);
    expect(total(await v.stats())).toBeGreaterThan(850 * MiB);
    expect(await guest.shell(`cat ${v.target}/file`)).toBe('kept\n');
    await v.unpublish();
    await v.unstage();
  });

  test('applies mount flags, and stages read-only', async () => {
    const v = volume(type);
    await v.stage(type, ['ro', 'noexec']);
    await v.publish(type);
    await v.publish(type);
    const options = await guest.shell(`grep -E ' ${v.staging} | ${v.target} ' /proc/self/mountinfo | cut -d' ' -f6`);
    expect(options).toMatch(/^ro,noexec,relatime\nro\S*\n$/);
    await v.unpublish();
    await v.unstage();
  });
});

test('mounts a copy of an xfs volume while its origin is mounted', async () => {
  const v = volume('xfs');
  const copy = volume('copy');
  await v.stage('xfs');
  await guest.shell(
    `fsfreeze -f ${v.staging}; lvcreate -q -s -L 64M -n copy --addtag xfs vg/xfs; fsfreeze -u ${v.staging}`,
  );
  await copy.stage('xfs');
  expect(await guest.shell(`cat ${copy.staging}/file`)).toBe('kept\n');
  await copy.unstage();
  await v.unstage();
});

test('mounts a btrfs below 256 MiB, says why it does not grow, and grows it to 256 MiB or more', async () => {
  const v = volume('small');
  await v.create('-L 128M');
  await v.stage('btrfs');
  await v.publish('btrfs');
  await guest.shell('lvextend -q -L 200M vg/small');
  await expect(v.expand()).rejects.toMatchObject(refused('precondition', '256 MiB'));
  await v.unpublish();
  await v.unstage();
  await v.stage('btrfs');
  await v.publish('btrfs');
  await guest.shell('lvextend -q -L 256M vg/small');
  expect(await v.expand()).toEqual({ capacityBytes: String(256 * MiB) });
  expect(total(await v.stats())).toBe(256 * MiB);
  await v.unpublish();
  await v.unstage();
});

test('starts only the expected programs in each call, and none if there is nothing to do', async () => {
  const v = volume('counted');
  const started = async (work: Promise<unknown>): Promise<unknown> => {
    await work;
    return call('programs', {});
  };
  await v.create('-L 64M');
  await call('programs', {});
  expect(await started(v.stage('ext4'))).toEqual(['blkid', 'mkfs.ext4', 'mount']);
  expect(await started(v.stage('ext4'))).toEqual([]);
  expect(await started(v.publish('ext4', true, undefined, ['noexec']))).toEqual(['mount']);
  expect(await started(v.publish('ext4', true))).toEqual([]);
  expect(await started(v.stats())).toEqual([]);
  expect(await started(v.expand())).toEqual([]);
  await guest.shell('lvextend -q -L 128M vg/counted');
  expect(await started(v.expand())).toEqual(['resize2fs']);
  expect(await started(v.unpublish())).toEqual(['umount']);
  expect(await started(v.unpublish())).toEqual([]);
  expect(await started(v.unstage())).toEqual(['umount']);
  expect(await started(v.unstage())).toEqual([]);
  expect(await started(v.stage('ext4'))).toEqual(['blkid', 'mount']);
  await v.unstage();
  await guest.shell(`tune2fs -E force_fsck ${v.device}`);
  await call('programs', {});
  expect(await started(v.stage('ext4'))).toEqual(['blkid', 'e2fsck', 'mount']);
  await v.unstage();
});

test('publishes a raw block device with a minor above 255 in a file', async () => {
  const v = volume('raw');
  const major = (await guest.shell(`grep device-mapper /proc/devices | cut -d' ' -f1`)).trim();
  await v.create(`-L 64M -My --major ${major} --minor 300`);
  await v.stage('block');
  await v.stage('block');
  await v.publish('block');
  await v.publish('block');
  await guest.shell(`echo written > ${v.target}; sync ${v.target}`);
  expect(await guest.shell(`head -c 7 ${v.device}`)).toBe('written');
  expect(await guest.shell(`stat -c '%F %Hr:%Lr' ${v.target}`)).toBe(`block special file ${major}:300\n`);
  expect(await call('usesOf', v.device)).toEqual([`${v.staging}/device`, v.target]);
  expect(await v.stats()).toMatchObject([{ unit: 'BYTES', total: String(64 * MiB) }]);
  expect(await v.expand()).toEqual({ capacityBytes: String(64 * MiB) });
  await expect(v.publish('block', true, '/kubelet/pods/raw/reader')).rejects.toMatchObject(refused('precondition'));
  await v.unpublish();
  await v.unstage();
  expect(await guest.shell(`ls -A ${v.staging} /data/kubelet/pods/raw`)).not.toMatch(/device|mount/);
  expect(await call('usesOf', v.device)).toEqual([]);
  await expect(v.stage('ext4')).rejects.toMatchObject(refused('precondition', 'raw block'));
  expect(await guest.shell(`head -c 7 ${v.device}`)).toBe('written');
});

test('the kernel lets a process write through a device node on a read-only mount', async () => {
  await guest.shell(`lvcreate -q -L 8M -n readonly vg; touch /tmp/node
    mount --bind -o ro /dev/mapper/vg-readonly /tmp/node; echo through > /tmp/node; sync /tmp/node; umount /tmp/node`);
  expect(await guest.shell('head -c 7 /dev/mapper/vg-readonly')).toBe('through');
});

test('does not unmount a target that is in use, and names the process', async () => {
  const v = volume('ext4');
  await v.stage('ext4');
  await v.publish('ext4');
  const user = await guest.start(['sleep', '1000'], { cwd: v.target });
  await expect(v.unpublish()).rejects.toMatchObject(refused('unavailable', 'sleep'));
  user.kill('SIGKILL');
  await user.exited;
  await v.unpublish();
  expect(await call('usesOf', v.device)).toEqual([v.staging]);
  await v.unstage();
});

test('undoes stage and publish of a filesystem that shut itself down', async () => {
  const v = volume('xfs');
  await v.stage('xfs');
  await v.publish('xfs');
  await guest.shell(`xfs_io -x -c shutdown ${v.target}`);
  expect((await guest.exec(['ls', v.target])).stderr).toContain('Input/output error');
  await v.unpublish();
  await v.unstage();
  expect(await call('usesOf', v.device)).toEqual([]);
});
