import { beforeAll, expect, test } from 'vitest';
import { capabilities, createVolume, type Driver, MiB, startDriver } from '../support/driver.ts';
import { useGuest } from '../support/guest.ts';

/** A host like most: udev makes device nodes and links, and LVM waits for it. */
const hostConfiguration = `
activation { udev_sync = 1 udev_rules = 1 monitoring = 0 }
devices { obtain_device_list_from_udev = 1 use_devicesfile = 0 types = [ "ubd", 16 ] }`;

const pools = `
  - { name: thick, volumeGroup: qthick, type: thick, disks: { paths: [/dev/ubda] }, approve: automatic }
  - name: thin
    volumeGroup: qthin
    type: thin
    disks: { paths: [/dev/ubdb] }
    approve: automatic
    thin: { share: 60%, overprovision: 2 }`;

const guest = useGuest({ disks: ['512M', '512M'] });
let driver: Driver;

beforeAll(async () => {
  await guest().exec(['sh', '-c', 'cat >/etc/lvm/lvmlocal.conf'], { input: hostConfiguration });
  await guest().shell('/usr/lib/systemd/systemd-udevd --daemon; udevadm trigger --action=add; udevadm settle');
  driver = await startDriver(guest(), { pools });
});

test('LVM reads the database of udev on a host with udev', async () => {
  expect(await guest().shell('udevadm info --query=property /dev/ubda')).toContain('ID_FS_TYPE=LVM2_member');
  expect(await guest().shell('lvmconfig --typeconfig full activation/udev_sync')).toContain('udev_sync=1');
});

test.each(['thin', 'thick'])('creates, uses, grows and removes a %s volume on a host with udev', async (pool) => {
  const { controller, node } = driver.client;
  const volumeId = await createVolume(driver, `${pool}-1`, 64 * MiB, {
    parameters: { pool },
    volumeCapabilities: [capabilities.ext4],
  });
  const link = `/dev/q${pool}/${pool}-1`;
  expect(await guest().shell(`readlink ${link} /dev/mapper/q${pool}-${pool}--1`)).toMatch(/^(\.\.\/dm-\d+)\n\1\n$/);

  const stage = { volumeId, stagingTargetPath: `/tmp/${pool}`, volumeCapability: capabilities.ext4 };
  const targetPath = `/tmp/${pool}-pod`;
  await node.nodeStageVolume(stage);
  await node.nodePublishVolume({ ...stage, targetPath });
  await guest().shell(`echo kept >${targetPath}/file`);
  const capacityRange = { requiredBytes: `${128 * MiB}` };
  await controller.controllerExpandVolume({ volumeId, capacityRange });
  await node.nodeExpandVolume({ volumeId, volumePath: targetPath, capacityRange });
  expect(Number(await guest().shell(`stat -f -c '%b * %S / 1048576' ${targetPath} | xargs expr`))).toBeGreaterThan(100);
  expect(await guest().shell(`cat ${targetPath}/file`)).toBe('kept\n');

  await node.nodeUnpublishVolume({ volumeId, targetPath });
  await node.nodeUnstageVolume({ volumeId, stagingTargetPath: stage.stagingTargetPath });
  await controller.deleteVolume({ volumeId });
  expect((await guest().exec(['ls', link])).exitCode).toBe(2);
  // The cookies that LVM still waits for.
  expect(await guest().shell('dmsetup udevcookies')).not.toContain('0x');
});

test('serves all volumes after kill -9 on a host with udev', async () => {
  const volumeId = await createVolume(driver, 'kept', 16 * MiB, { parameters: { pool: 'thin' } });
  await driver.kill();
  await guest().shell('vgchange -qq -an qthin');
  await driver.launch();
  await driver.ready();
  expect(await guest().shell('readlink /dev/qthin/kept')).toMatch(/dm-/);
  await driver.client.controller.deleteVolume({ volumeId });
});
