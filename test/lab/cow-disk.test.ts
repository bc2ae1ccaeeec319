import { beforeAll, expect, test } from 'vitest';
import {
  capabilities,
  createVolume,
  type Driver,
  MiB,
  outcomeOf,
  prepareDriver,
  untilDone,
} from '../support/driver.ts';
import { useGuest } from '../support/guest.ts';

// Each disk is below a device of device-mapper, which the test replaces by one that fails.
const guest = useGuest({ disks: ['96M', '96M'] });
const pools = `
  - { name: pair, volumeGroup: qpair, type: thick, disks: { paths: [/dev/dm-0, /dev/dm-1] }, approve: automatic }`;
const letters = ['a', 'b'];

const layDisks = () =>
  guest().shell(
    letters
      .map(
        (each) =>
          `dmsetup create disk-${each} --table "0 $(blockdev --getsz /dev/ubd${each}) linear /dev/ubd${each} 0"`,
      )
      .concat('modprobe -a dm-raid dm-snapshot')
      .join('\n'),
    { env: { DM_DISABLE_UDEV: '1' } },
  );

let driver: Driver;
beforeAll(async () => {
  await guest().shell(`echo 'devices { global_filter = ["r|/dev/ubd.*|"] }' >>/etc/lvm/lvmlocal.conf; sync`);
  await layDisks();
  driver = await prepareDriver(guest(), { pools, more: 'rescan: 500ms' });
  await driver.launch();
  await driver.ready();
});

const volumeId = 'node-1:mirrored';
const path = { volumeId, stagingTargetPath: '/run/stage' };
const stage = () => driver.client.node.nodeStageVolume({ ...path, volumeCapability: capabilities.ext4 });
const read = () => guest().shell('echo 3 >/proc/sys/vm/drop_caches; cat /run/stage/file');
const take = (name: string) =>
  driver.client.controller.createSnapshot({ name: `snapshot-${name}`, sourceVolumeId: volumeId });
const removeSnapshot = (name: string) =>
  outcomeOf(driver.client.controller.deleteSnapshot({ snapshotId: `node-1:snap-${name}` }));
const ready = async (name: string) =>
  (await driver.client.controller.getSnapshot({ snapshotId: `node-1:snap-${name}` })).snapshot?.readyToUse;
const shown = (field: string) => guest().shell(`lvs --noheadings -o ${field} qpair/snap-kept`);

test('the loss of the disk that has the room of snapshots does not harm their mirrored volume', async () => {
  await createVolume(driver, 'mirrored', 32 * MiB, {
    volumeCapabilities: [capabilities.ext4],
    parameters: { mirrors: '1' },
  });
  await untilDone(stage);
  await guest().shell('echo before >/run/stage/file; sync -f /run/stage');
  await take('kept');
  const [disk = ''] = /disk-[ab]/.exec(await shown('devices')) ?? [];
  await guest().shell(`dmsetup load ${disk} --table "0 $(blockdev --getsz /dev/mapper/${disk}) error"
    dmsetup suspend --noflush --nolockfs ${disk}; dmsetup resume ${disk}`);
  await guest().shell(`cd /run/stage; echo after >file
    dd if=/dev/urandom of=data bs=1M count=4 conv=fsync status=none; sync -f .`);
  expect(await read()).toBe('after\n');
  await expect.poll(() => ready('kept'), { timeout: 60_000 }).toBe(false);
  await expect.poll(() => shown('lv_tags'), { timeout: 60_000 }).toContain('quarry.state=overfull');
  const lost = /node-1:snap-kept is on a disk of qpair that is missing, and has no copy: .*"lvremove qpair\/snap-kept"/;
  expect(await removeSnapshot('kept')).toEqual({ code: 'UNAVAILABLE', details: expect.stringMatching(lost) });
  expect(await read()).toBe('after\n');
});

test('a snapshot that was lost with its disk is not whole again when the disk is back', async () => {
  await driver.terminate();
  await guest().powerCut();
  await guest().boot();
  await layDisks();
  await driver.launch();
  await driver.ready();
  await untilDone(stage);
  expect(await read()).toBe('after\n');
  // The kernel could not record on that disk that the snapshot is lost, and shows it as whole.
  await expect.poll(() => shown('lv_attr'), { timeout: 60_000 }).toMatch(/^ *s.{3}a/);
  expect(await ready('kept')).toBe(false);
  await expect.poll(() => removeSnapshot('kept'), { timeout: 60_000 }).toEqual({ code: 'OK', details: '' });
  expect(await read()).toBe('after\n');
});
