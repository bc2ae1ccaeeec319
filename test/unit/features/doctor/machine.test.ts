import { expect, test } from 'vitest';
import { checkCgroups, checkSelinux, checkTargets } from '../../../../src/features/doctor/kernel.ts';
import { checkKubelet } from '../../../../src/features/doctor/kubelet.ts';
import { checkLvmConfiguration, checkUdev } from '../../../../src/features/doctor/lvm.ts';
import { checkEncryption, checkLvmVersion, checkThinTools, checkTools } from '../../../../src/features/doctor/tools.ts';
import { thickSpec } from '../../../support/memory-storage.ts';
import { fakeHost, lvmVersion } from './harness.ts';

const found = (outcome: string, text: RegExp, remedy?: RegExp) =>
  expect.objectContaining({
    outcome,
    found: expect.stringMatching(text) as string,
    ...(remedy && { remedy: expect.stringMatching(remedy) as string }),
  }) as unknown;

test.each([
  ['ok', { stdout: lvmVersion }, /^LVM 2\.03\.31$/],
  ['error', undefined, /not installed/],
  ['error', { stdout: lvmVersion.replace('2.03.31', '2.02.187') }, /2\.02\.187 is too old/],
  ['error', { stdout: lvmVersion.replace(/.*Driver.*\n/, '') }, /does not reach device-mapper/],
  ['error', { exitCode: 1, stderr: 'broken library' }, /does not run: broken library/],
])('the version of LVM: %s for %j', async (outcome, answer, text) => {
  const host = fakeHost();
  if (answer) host.programs.set('lvm version', answer);
  expect(await checkLvmVersion(host)).toEqual([found(outcome, text)]);
});

test.each([
  ['ok', { stdout: '  --auto-repair' }, /automatic repair/],
  ['warning', { stdout: '  --repair' }, /older than 0\.9/],
  ['error', undefined, /LVM activates no thin pool/],
])('the tools of thin pools: %s for %j', async (outcome, answer, text) => {
  const host = fakeHost();
  if (answer) host.programs.set('thin_check --help', answer);
  expect(await checkThinTools(host)).toEqual([found(outcome, text)]);
});

test.each([
  ['ok', { stdout: 'cryptsetup 2.7.5 flags: UDEV BLKID\n' }, /^cryptsetup 2\.7\.5/],
  ['warning', undefined, /^cryptsetup is not installed/],
])('the program that encrypts: %s for %j', async (outcome, answer, text) => {
  const host = fakeHost();
  if (answer) host.programs.set('cryptsetup --version', answer);
  expect(await checkEncryption(host)).toEqual([found(outcome, text)]);
});

test('each missing program is named with its package, and only some volumes need those of a filesystem', async () => {
  const host = fakeHost();
  for (const line of ['wipefs --version', 'mount --version', 'mkfs.ext4 -V', 'e2fsck -V', 'mkfs.btrfs --version']) {
    host.programs.set(line, {});
  }
  expect(await checkTools(host)).toEqual([
    found('error', /^blkid is not installed/, /util-linux/),
    found('warning', /^mkfs\.xfs is not installed/, /xfsprogs/),
  ]);
  host.programs.set('blkid --version', {}).set('mkfs.xfs -V', {});
  expect(await checkTools(host)).toEqual([found('ok', /blkid, wipefs/)]);
});

const mirrored = [thickSpec('one', { mirrors: 1 })];

/** A kernel with these targets, and with these modules where it can list them. */
function kernel(targets: string, modules?: string) {
  const host = fakeHost();
  host.programs.set('dmsetup targets', { stdout: targets });
  host.files.set('/proc/sys/kernel/osrelease', '6.12.0\n');
  const lists = ['modules.dep', 'modules.builtin'].map((name) => `/lib/modules/6.12.0/${name}`);
  host.programs.set(`cat ${lists.join(' ')}`, modules === undefined ? { exitCode: 1 } : { stdout: modules });
  return host;
}

test('a target that the kernel lacks is an error if a pool needs it', async () => {
  const host = kernel(
    'linear v1.4.0\nthin-pool v1.23.0\nsnapshot v1.16.0\nmirror v1.14.0\nintegrity v1.15.0\n',
    'kernel/drivers/md/dm-crypt.ko.xz:\n',
  );
  const crypt = found('ok', /crypt is loaded when it is needed/);
  expect(await checkTargets(host, mirrored)).toEqual([found('error', /no target raid/, /modprobe dm-raid/), crypt]);
  expect(await checkTargets(host, [])).toEqual([found('warning', /no target raid/), crypt]);
  const plain = kernel(
    'thin-pool v1\nraid v1\nsnapshot v1\nmirror v1\nintegrity v1\n',
    'kernel/drivers/md/dm-raid.ko:\n',
  );
  expect(await checkTargets(plain, mirrored)).toEqual([
    found('warning', /no target crypt: no encrypted volume/, /modprobe dm-crypt/),
  ]);
});

test('a kernel that cannot copy the extents of a disk to another one is found before a disk is to be evacuated', async () => {
  const host = kernel(
    'thin-pool v1\nraid v1\nsnapshot v1\ncrypt v1\nintegrity v1\n',
    'kernel/drivers/md/dm-raid.ko:\n',
  );
  expect(await checkTargets(host, mirrored)).toEqual([
    found('warning', /no target mirror: no disk can be evacuated/, /modprobe dm-mirror/),
  ]);
});

test('a kernel without integrity is found before a class asks for it', async () => {
  const host = kernel('thin-pool v1\nraid v1\nsnapshot v1\nmirror v1\ncrypt v1\n', 'kernel/drivers/md/dm-raid.ko:\n');
  expect(await checkTargets(host, [])).toEqual([
    found(
      'warning',
      /no target integrity: no volume of a StorageClass with `encryptionIntegrity`/,
      /modprobe dm-integrity/,
    ),
  ]);
});

test('a target whose module can be loaded is no problem, and one that may be is unknown', async () => {
  const loadable = kernel(
    'thin-pool v1\nsnapshot v1\nmirror v1\ncrypt v1\nintegrity v1\n',
    'kernel/drivers/md/dm-raid.ko.xz: kernel/drivers/md/raid1.ko\n',
  );
  expect(await checkTargets(loadable, mirrored)).toEqual([found('ok', /raid is loaded when it is needed/)]);
  const silent = kernel('thin-pool v1\nsnapshot v1\nmirror v1\ncrypt v1\nintegrity v1\n');
  expect(await checkTargets(silent, mirrored)).toEqual([found('unknown', /raid is not loaded/, /modprobe/)]);
});

test('device-mapper that does not answer is an error', async () => {
  const host = fakeHost();
  expect(await checkTargets(host, [])).toEqual([found('error', /dmsetup is not installed/)]);
  host.programs.set('dmsetup targets', { exitCode: 1, stderr: '/dev/mapper/control: open failed' });
  expect(await checkTargets(host, [])).toEqual([found('error', /open failed/, /dm_mod/)]);
});

test.each([
  ['ok', 'cpu io memory\n', [], /io and memory/],
  ['error', 'cpu memory\n', [], /lacks the controller io/],
  ['warning', undefined, ['a'], /cgroup v1/],
  ['error', undefined, undefined, /no cgroup filesystem is mounted at \/cg/],
])('cgroups: %s for %j', async (outcome, controllers, blkio, text) => {
  const host = fakeHost();
  if (controllers !== undefined) host.files.set('/cg/cgroup.controllers', controllers);
  if (blkio) host.folders.set('/cg/blkio', blkio);
  expect(await checkCgroups(host, '/cg')).toEqual([found(outcome, text)]);
});

test('SELinux is a warning only where it enforces', async () => {
  const host = fakeHost();
  expect(await checkSelinux(host)).toEqual([found('ok', /not in use/)]);
  host.files.set('/sys/fs/selinux/enforce', '0');
  expect(await checkSelinux(host)).toEqual([found('ok', /does not enforce/)]);
  host.files.set('/sys/fs/selinux/enforce', '1\n');
  expect(await checkSelinux(host)).toEqual([found('warning', /enforces/)]);
});

test('the configuration of LVM: what it refuses, a lock manager, and paths of multipath disks', async () => {
  const host = fakeHost();
  const line = 'lvm lvmconfig --type full';
  expect(await checkLvmConfiguration(host)).toEqual([found('error', /not installed/)]);
  host.programs.set(line, { exitCode: 3, stderr: 'Parse error at byte 3 (line 1)' });
  expect(await checkLvmConfiguration(host)).toEqual([found('error', /Parse error at byte 3/)]);
  host.programs.set(line, {
    stdout: 'global {\n\tuse_lvmlockd=1\n}\ndevices {\n\tmultipath_component_detection=0\n}\n',
  });
  expect(await checkLvmConfiguration(host)).toEqual([
    found('error', /use_lvmlockd is on/),
    found('warning', /multipath_component_detection is off/),
  ]);
  host.programs.set(line, { stdout: 'global {\n\tuse_lvmlockd=0\n}\n' });
  expect(await checkLvmConfiguration(host)).toEqual([found('ok', /accepts/)]);
});

test('udev is missed only where LVM uses it', async () => {
  const host = fakeHost();
  host.programs.set('test -S /run/udev/control', { exitCode: 1 });
  expect(await checkUdev(host, 'host')).toEqual([found('warning', /udev does not run/)]);
  expect(await checkUdev(host, 'container')).toEqual([found('ok', /without udev/)]);
  host.programs.set('test -S /run/udev/control', {});
  expect(await checkUdev(host, 'host')).toEqual([found('ok', /udev runs/)]);
});

test('kubelet: another root, a driver that does not run, and one that is not offered', async () => {
  const host = fakeHost();
  const registration = { mode: 'self', directory: '/kubelet/plugins_registry', endpoint: undefined } as const;
  const config = { driver: 'lvm', registration, endpoint: { address: 'unix:///csi.sock', path: '/csi.sock' } };
  expect(await checkKubelet(host, config)).toEqual([found('error', /does not exist/, /node\.kubeletDirectory/)]);
  host.folders.set('/kubelet/plugins_registry', []);
  expect(await checkKubelet(host, config)).toEqual([found('warning', /no driver answers on \/csi\.sock/)]);
  host.sockets.add('/csi.sock');
  expect(await checkKubelet(host, config)).toEqual([found('error', /nothing answers on .*lvm-reg\.sock/)]);
  host.sockets.add('/kubelet/plugins_registry/lvm-reg.sock');
  expect(await checkKubelet(host, config)).toEqual([found('ok', /offers itself/)]);
});
