import { beforeAll, describe, expect, test } from 'vitest';
import { capabilities, createVolume, type Driver, MiB, startDriver } from '../support/driver.ts';
import { createGroup, faults, type FaultyDisk, metadataArea } from '../support/faulty-disk.ts';
import { GUEST_NODE, useGuest } from '../support/guest.ts';
import { volumeCalls } from '../support/volume-calls.ts';

const guest = useGuest({ disks: ['512M', '256M', '128M', '128M'] });
const pools = `
  - { name: sick, volumeGroup: qsick, type: thick }
  - { name: thin, volumeGroup: qthin, type: thin, thin: { share: 20%, overprovision: 20, refuseAt: 50, metadataSize: 4Mi } }
  - { name: pair, volumeGroup: qpair, type: thick }`;

let driver: Driver;
let disk: FaultyDisk;
/** Half of the group `qpair`. */
let half: FaultyDisk;
beforeAll(async () => {
  disk = await createGroup(guest(), 'qsick', '/dev/ubda');
  half = await createGroup(guest(), 'qpair', '/dev/ubdc');
  await guest().shell('vgcreate -qq qthin /dev/ubdb; vgextend -qq qpair /dev/ubdd');
  // A copy of 16 MiB takes long enough to be seen.
  const more = 'rescan: 1s\njobs: { repairRate: 1Mi }\nmetrics: { listen: 127.0.0.1:9809 }';
  driver = await startDriver(guest(), { pools, more });
});

const { create, remove, stage, unstage } = volumeCalls(() => driver);
const ok = { code: 'OK', details: '' };
type Statuses = readonly { readonly status: string; readonly reason: string; readonly message: string }[];
const shown = (entries: Statuses = []) => entries.map(({ status, reason }) => `${status} ${reason}`).sort();
const volumeId = (name: string) => `node-1:${name}`;
const onController = async (name: string) => {
  const { volumeHealth } = await driver.client.controller.controllerGetVolumeHealth({ volumeId: volumeId(name) });
  return shown(volumeHealth?.healthStatuses);
};
const onNode = async (name: string) => {
  const { volumeHealth } = await driver.client.node.nodeGetVolumeHealth({ volumeId: volumeId(name) });
  return shown(volumeHealth?.healthStatuses);
};
const storage = async () => shown((await driver.client.node.nodeGetStorageHealth({})).backendHealth);
const listed = async () => {
  const { entries } = await driver.client.controller.controllerListVolumeHealth({});
  return Object.fromEntries(entries.map((each) => [each.volumeId, shown(each.healthStatuses)]));
};
/** How many volumes of the pool the metric counts, by status and reason. */
const counted = async (pool: string) => {
  const script = `fetch('http://127.0.0.1:9809/metrics').then(r => r.text()).then(console.log)`;
  const lines = (await guest().shell(`${GUEST_NODE} -e "${script}"`)).split('\n');
  const labels = `node="node-1",pool="${pool}",status="(\\w+)",reason="(\\w+)"`;
  return lines.flatMap((line) => {
    const [, status, reason, count] = new RegExp(`^quarry_volume_health\\{${labels}\\} ([1-9]\\d*)$`).exec(line) ?? [];
    return status === undefined ? [] : [`${status} ${reason}: ${count}`];
  });
};
/** Of the disk of `qpair`, which has 128 MiB. */
const afterMetadata = { start: 8192, length: 128 * 2048 - 2048 - 8192 };
const patience = { timeout: 20_000 };
/** Changes a file that is known, so that the filesystem notices the fault when it writes: it needs no read, which would fail before. */
const failToWrite = (name: string) =>
  guest().exec([
    'sh',
    '-c',
    `for i in 1 2 3; do echo $i >>/run/${name}/file; sync -f /run/${name}; mkdir /run/${name}/$i; done`,
  ]);

describe('a disk with errors', () => {
  test('shows the volume in use as inaccessible, and its ext4 as read-only with errors until the next stage', async () => {
    for (const name of ['files', 'well']) expect(await create(name, 'sick')).toEqual(ok);
    expect(await stage('files')).toEqual(ok);
    expect(await onNode('files')).toEqual([]);
    expect(await listed()).toEqual({});

    await guest().shell('touch /run/files/file');
    await disk.set(faults.broken, await disk.extentOf('qsick-files'));
    await failToWrite('files');
    // The look that the driver repeats brings it to the controller, without a call to the node.
    await expect.poll(() => onController('files'), patience).toContain('INACCESSIBLE DeviceErrors');
    await expect.poll(() => onController('files'), patience).toContain('DEGRADED FilesystemReadOnly');
    expect(await onController('well')).toEqual([]);
    expect(Object.keys(await listed())).toEqual([volumeId('files')]);

    await disk.set();
    expect(await unstage('files')).toEqual(ok);
    expect(await stage('files')).toEqual(ok);
    expect(await onNode('files')).toEqual([]);
    await expect.poll(listed, patience).toEqual({});
    expect(await unstage('files')).toEqual(ok);
    for (const name of ['files', 'well']) expect(await remove(name)).toEqual(ok);
  });

  test.each([
    ['xfs', 320, ['INACCESSIBLE DeviceErrors', 'INACCESSIBLE FilesystemShutDown']],
    ['btrfs', 128, ['DEGRADED FilesystemErrors', 'DEGRADED FilesystemReadOnly', 'INACCESSIBLE DeviceErrors']],
  ])('shows what it did to %s, until the next stage', async (fsType, mebibytes, reasons) => {
    await createVolume(driver, fsType, mebibytes * MiB, { parameters: { pool: 'sick', type: 'thick' } });
    const staging = { volumeId: volumeId(fsType), stagingTargetPath: `/run/${fsType}` };
    const volumeCapability = { ...capabilities.ext4, mount: { fsType } };
    const stageAgain = () => driver.client.node.nodeStageVolume({ ...staging, volumeCapability });
    await stageAgain();
    expect(await onNode(fsType)).toEqual([]);
    await guest().shell(`touch /run/${fsType}/file`);
    await disk.set(faults.broken, await disk.extentOf(`qsick-${fsType}`));
    await failToWrite(fsType);
    await expect.poll(() => onController(fsType), patience).toEqual(reasons);
    await disk.set();
    expect(await unstage(fsType)).toEqual(ok);
    await stageAgain();
    expect(await onNode(fsType)).toEqual([]);
    expect(await unstage(fsType)).toEqual(ok);
    expect(await remove(fsType)).toEqual(ok);
  });

  test('shows an ext4 that could not be written as read-only, though its device can be read', async () => {
    expect(await create('unwritten', 'sick')).toEqual(ok);
    expect(await stage('unwritten')).toEqual(ok);
    await guest().shell('touch /run/unwritten/file');
    await disk.set(faults.refusingWrites, await disk.extentOf('qsick-unwritten'));
    await failToWrite('unwritten');
    await expect.poll(() => onNode('unwritten'), patience).toContain('DEGRADED FilesystemReadOnly');
    expect(await onNode('unwritten')).not.toContain('INACCESSIBLE DeviceErrors');
    await disk.set();
    expect(await unstage('unwritten')).toEqual(ok);
    expect(await remove('unwritten')).toEqual(ok);
  });

  test('shows a raw block volume with bad sectors once a read meets one, and until that one is well', async () => {
    await createVolume(driver, 'spots', 4 * MiB, { parameters: { pool: 'sick', type: 'thick' } });
    expect(await stage('spots', 'block')).toEqual(ok);
    const part = await disk.extentOf('qsick-spots');
    await disk.set(faults.badSectors, part);
    // In every 16th block.
    await disk.spoil(part, part.length / 128, 128);
    await expect.poll(() => onNode('spots'), patience).toEqual(['INACCESSIBLE DeviceErrors']);
    expect(await onNode('spots')).toEqual(['INACCESSIBLE DeviceErrors']);
    await disk.set();
    expect(await onNode('spots')).toEqual([]);
    expect(await unstage('spots')).toEqual(ok);
    expect(await remove('spots')).toEqual(ok);
  });
});

test('a thin pool that fills up shows on the storage and on its thin volumes, until there is room again', async () => {
  expect(await create('greedy', 'thin', 'thin')).toEqual(ok);
  expect(await storage()).toEqual([]);
  await driver.client.controller.controllerExpandVolume({
    volumeId: volumeId('greedy'),
    capacityRange: { requiredBytes: String(256 * 2 ** 20) },
  });
  await guest().shell('lvchange -qq --errorwhenfull y qthin/thinpool');
  const fill = (mebibytes: number) =>
    guest().exec(['dd', 'if=/dev/urandom', 'of=/dev/qthin/greedy', 'bs=1M', `count=${mebibytes}`, 'oflag=direct']);
  const size = Number(await guest().shell('lvs --noheadings --units m --nosuffix -o lv_size qthin/thinpool'));
  expect((await fill(Math.ceil(size * 0.6))).exitCode).toBe(0);
  expect(await storage()).toEqual(['STORAGE_DEGRADED ThinPoolDataNearFull']);
  expect(await onNode('greedy')).toEqual([]);

  expect((await fill(Math.ceil(size) + 4)).stderr).toMatch(/No space left/);
  expect(await storage()).toEqual(['STORAGE_DEGRADED ThinPoolOutOfData']);
  expect(await onNode('greedy')).toEqual(['DEGRADED ThinPoolOutOfData']);
  await expect.poll(() => onController('greedy'), patience).toEqual(['DEGRADED ThinPoolOutOfData']);
  expect(await remove('greedy')).toEqual(ok);
  expect(await storage()).toEqual([]);
});

test('a thin pool that needs a check shows on the storage and on its thin volumes, until its repair', async () => {
  expect(await create('checked', 'thin', 'thin')).toEqual(ok);
  // Writes of its metadata fail, except those of the first block, in which the kernel notes that a check is needed.
  await guest().shell(`modprobe dm-flakey
    set -- $(dmsetup table qthin-thinpool_tmeta)
    change() { dmsetup suspend --noflush qthin-thinpool_tmeta; dmsetup load qthin-thinpool_tmeta; dmsetup resume qthin-thinpool_tmeta; }
    printf '0 8 linear %s %s\\n8 %s flakey %s %s 0 3600 1 error_writes\\n' $4 $5 $(($2 - 8)) $4 $(($5 + 8)) | change
    dd if=/dev/urandom of=/dev/qthin/checked bs=64k count=4 oflag=direct conv=fsync status=none && exit 1
    echo "$*" | change`);
  expect(await storage()).toEqual(['STORAGE_DEGRADED ThinPoolNeedsCheck']);
  expect(await onNode('checked')).toContain('DEGRADED ThinPoolNeedsCheck');
  await expect.poll(() => onController('checked'), patience).toContain('DEGRADED ThinPoolNeedsCheck');
  await guest().shell('vgchange -qq -an qthin; lvconvert -qq -y --repair qthin/thinpool; vgchange -qq -ay qthin');
  await expect.poll(storage, patience).toEqual([]);
  expect(await onNode('checked')).toEqual([]);
});

test('a mirrored volume goes on without one of its disks and is degraded until its copy is whole again, and a volume without a copy on it is inaccessible', async () => {
  const parameters = { pool: 'pair', mirrors: '1' };
  expect(await create('single', 'pair')).toEqual(ok);
  await createVolume(driver, 'double', 16 * MiB, { parameters });
  expect(await stage('double')).toEqual(ok);
  await expect.poll(() => onNode('double'), patience).toEqual([]);

  await half.set(faults.broken, afterMetadata);
  const write = () => guest().exec(['sh', '-c', 'echo text >/run/double/file && sync -f /run/double/file']);
  expect((await write()).exitCode).toBe(0);
  expect(await onNode('double')).toEqual(['DEGRADED MirrorDegraded']);
  expect(await storage()).toEqual([]);

  await half.set(faults.broken, metadataArea, afterMetadata, { start: 0, length: metadataArea.start });
  expect(await storage()).toEqual(['STORAGE_DEGRADED VolumeGroupPartial']);
  expect(await onNode('double')).toEqual(['DEGRADED MirrorDegraded']);
  expect(await onNode('single')).toEqual(['INACCESSIBLE DeviceErrors', 'INACCESSIBLE DiskMissing']);
  await expect.poll(() => onController('single'), patience).toContain('INACCESSIBLE DiskMissing');
  expect((await write()).exitCode).toBe(0);

  await half.set();
  await expect.poll(() => onNode('double'), patience).toEqual(['DEGRADED MirrorResyncing']);
  await expect.poll(() => onController('double'), patience).toEqual(['DEGRADED MirrorResyncing']);
  await expect.poll(() => counted('pair'), patience).toEqual(['DEGRADED MirrorResyncing: 1']);
  expect(await storage()).toEqual([]);
});
