import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Guest } from '../../lab/guest.ts';
import type { Process } from '../../lab/process.ts';
import type { FailureKind } from '../../src/domain/errors.ts';
import type { VolumeId } from '../../src/domain/ids.ts';
import { markOf } from '../../src/mount/mark.ts';
import { GUEST_NODE, useGuest } from '../support/guest.ts';

const guestOf = useGuest({ disks: ['16G'] });
let guest: Guest;
let service: Process;
let calls = 0;

async function startService(): Promise<void> {
  service = await guest.start([GUEST_NODE, '/quarry/test/lab/node.guest.ts']);
}

beforeAll(async () => {
  guest = guestOf();
  // As on a host whose kubelet directory was moved: every path the node is given leads through a link.
  await guest.shell(`pvcreate -q ${guest.disks[0]} && vgcreate -q vg ${guest.disks[0]}
    mkdir -p /data/kubelet && ln -s /data/kubelet /kubelet`);
  await startService();
});

async function call(method: string, request: object | string): Promise<unknown> {
  const id = calls++;
  service.write(`${JSON.stringify({ call: id, method, request })}\n`);
  const line = await service.stdout.waitFor(`{"call":${id},`, 60_000);
  const { response, failure } = JSON.parse(line) as { response?: unknown; failure?: { kind: string; message: string } };
  if (failure) throw Object.assign(new Error(failure.message), { kind: failure.kind });
  return response;
}

const refused = (kind: FailureKind, message = ''): object => ({ kind, message: expect.stringContaining(message) });

/** The calls for one volume, as an orchestrator makes them. */
function volume(name: string) {
  const volumeId = `guest:${name}`;
  const stagingTargetPath = `/kubelet/staging/${name}`;
  const targetPath = `/kubelet/pods/${name}/mount`;
  const common = { volumeId, stagingTargetPath, publishContext: {}, secrets: {}, volumeContext: {} };
  const capability = (access: string, mountFlags: string[] = []): object => ({
    ...(access === 'block' ? { block: {} } : { mount: { fsType: access, mountFlags, volumeMountGroup: '' } }),
    accessMode: { mode: 'SINGLE_NODE_MULTI_WRITER' },
  });
  return {
    device: `/dev/mapper/vg-${name}`,
    staging: `/data${stagingTargetPath}`,
    target: `/data${targetPath}`,
    create: (options = '-L 512M') => guest.shell(`lvcreate -q -Wy -y ${options} -n ${name} vg`),
    stage: (access: string, flags?: string[]) =>
      call('nodeStageVolume', { ...common, volumeCapability: capability(access, flags) }),
    publish: (access: string, readonly = false, path = targetPath) =>
      call('nodePublishVolume', { ...common, targetPath: path, readonly, volumeCapability: capability(access) }),
    unpublish: (path = targetPath) => call('nodeUnpublishVolume', { volumeId, targetPath: path }),
    unstage: () => call('nodeUnstageVolume', { volumeId, stagingTargetPath }),
    expand: () => call('nodeExpandVolume', { volumeId, volumePath: targetPath, volumeCapability: null, secrets: {} }),
    stats: async () => {
      const answer = await call('nodeGetVolumeStats', { volumeId, volumePath: targetPath, stagingTargetPath: '' });
      return (answer as { usage: { unit: string; total: string }[] }).usage;
    },
  };
}

const total = (usage: { total: string }[]): number => Number(usage[0]?.total);
const MiB = 1024 ** 2;

describe.each(['ext4', 'xfs', 'btrfs'])('%s', (type) => {
  test('its life: made, written, read-only elsewhere, grown online and at stage, and undone', async () => {
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

  test('flags, and a stage that is read-only', async () => {
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

test('a copy of an xfs volume is mounted beside its origin', async () => {
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

test('a raw block device, with a minor over 255: the volume itself, in a file', async () => {
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
  await expect(v.stage('ext4')).resolves.toBeDefined();
});

test('why a read-only raw device is refused: the kernel writes through a node on a read-only mount', async () => {
  await guest.shell(`lvcreate -q -L 8M -n readonly vg; touch /tmp/node
    mount --bind -o ro /dev/mapper/vg-readonly /tmp/node; echo through > /tmp/node; sync /tmp/node; umount /tmp/node`);
  expect(await guest.shell('head -c 7 /dev/mapper/vg-readonly')).toBe('through');
});

test('a target that is in use is not unmounted, and who uses it is named', async () => {
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

test('a filesystem that shut itself down can be undone', async () => {
  const v = volume('xfs');
  await v.stage('xfs');
  await v.publish('xfs');
  await guest.shell(`xfs_io -x -c shutdown ${v.target}`);
  expect((await guest.exec(['ls', v.target])).stderr).toContain('Input/output error');
  await v.unpublish();
  await v.unstage();
  expect(await call('usesOf', v.device)).toEqual([]);
});

test.each([
  ['another filesystem', 'foreignxfs', 'mkfs.xfs -q', 'holds xfs'],
  ['a partition table', 'foreigngpt', 'parted -s', 'a gpt partition table'],
  ['swap', 'foreignswap', 'mkswap -q', 'holds swap'],
])(
  '%s is left alone',
  async (_, name, command, message) => {
    const v = volume(name);
    await v.create();
    await guest.shell(`${command} ${v.device}${command.startsWith('parted') ? ' mklabel gpt' : ''}`);
    const before = await guest.shell(`head -c 4M ${v.device} | sha256sum`);
    await expect(v.stage('ext4')).rejects.toMatchObject(refused('precondition', message));
    expect(await guest.shell(`head -c 4M ${v.device} | sha256sum`)).toBe(before);
  },
  30_000,
);

test('an ext4 with errors that e2fsck does not mend by itself is left to a person', async () => {
  const v = volume('broken');
  await v.create('-L 64M --addtag ext4');
  await guest.shell(
    `mkfs.ext4 -q ${v.device} && debugfs -w -R 'clri <2>' ${v.device} && tune2fs -E force_fsck ${v.device}`,
  );
  await expect(v.stage('ext4')).rejects.toMatchObject(refused('precondition', 'e2fsck'));
});

describe('an mkfs that died halfway is run again', () => {
  test('ext4, where the superblock says that all is well', async () => {
    const v = volume('halfext4');
    await v.create();
    const mark = markOf('guest:halfext4' as VolumeId);
    await guest.shell(`mkfs.ext4 -q -U ${mark} ${v.device}
      dd if=/dev/zero of=${v.device} bs=4k seek=$(debugfs -R 'blocks /' ${v.device}) count=1 status=none`);
    expect((await guest.exec(['e2fsck', '-p', v.device])).exitCode).toBe(0);
    await v.stage('ext4');
    await v.unstage();
    expect((await guest.exec(['e2fsck', '-fn', v.device])).exitCode).toBe(0);
    expect(await guest.shell('lvs --noheadings -o lv_tags vg/halfext4')).toContain('ext4');
  });

  test('ext4, wherever the power is cut', async () => {
    // Says through a pipe, where there is one, that it begins: /tmp is empty after a boot.
    await guest.shell(`cat > /usr/local/sbin/mkfs.ext4 <<'END'
#!/bin/sh
[ -p /tmp/mkfs ] && echo > /tmp/mkfs
exec /usr/sbin/mkfs.ext4 "$@"
END
      chmod +x /usr/local/sbin/mkfs.ext4`);
    for (const after of [0, 20, 45]) {
      const v = volume(`cut${after}`);
      await v.create();
      await guest.shell('mkfifo /tmp/mkfs');
      const cut = v.stage('ext4').catch(() => 'cut');
      await guest.exec(['cat', '/tmp/mkfs']);
      await setTimeout(after);
      await guest.powerCut();
      await guest.boot();
      await cut;
      await guest.shell('vgchange -q -ay vg');
      await startService();
      await v.stage('ext4');
      await v.unstage();
      expect((await guest.exec(['e2fsck', '-fn', v.device])).exitCode, `cut ${after} ms after mkfs began`).toBe(0);
    }
  });

  test('xfs, which says so', async () => {
    const v = volume('halfxfs');
    await v.create();
    await guest.shell(
      `mkfs.xfs -q ${v.device}; printf '\\1' | dd of=${v.device} bs=1 seek=126 conv=notrunc status=none`,
    );
    await v.stage('xfs');
    await v.unstage();
    expect((await guest.exec(['xfs_repair', '-n', v.device])).exitCode).toBe(0);
  });
});

test('a blank device whose volume was formatted once is left alone', async () => {
  const v = volume('wiped');
  await v.create('-L 64M --addtag ext4');
  await expect(v.stage('ext4')).rejects.toMatchObject(refused('precondition', 'looks blank'));
  expect((await guest.exec(['blkid', '-p', v.device])).exitCode).toBe(2);
});
