import { beforeAll, describe, expect, test } from 'vitest';
import { type Driver, MiB, outcomeOf, prepareDriver, untilDone, volumeRequest } from '../support/driver.ts';
import { useGuest } from '../support/guest.ts';

// One disk of the pool is behind dm-delay, so that a test chooses what a power cut interrupts. It is the first device of device-mapper.
const guest = useGuest({ disks: ['256M', '256M', '256M', '256M'] });
const pools = `
  - name: wide
    volumeGroup: qwide
    type: thick
    disks: { paths: [/dev/ubda, /dev/ubdb, /dev/ubdc, /dev/dm-0] }
    approve: automatic`;

/** Milliseconds by which writes to the slow disk are late. */
const slowDisk = (milliseconds: number): string => {
  const sectors = '$(blockdev --getsz /dev/ubdd)';
  return milliseconds === 0
    ? `0 ${sectors} linear /dev/ubdd 0`
    : `0 ${sectors} delay /dev/ubdd 0 0 /dev/ubdd 0 ${milliseconds}`;
};

async function slowDown(milliseconds: number): Promise<void> {
  await guest().shell(
    `dmsetup suspend slow; dmsetup reload slow --table "${slowDisk(milliseconds)}"; dmsetup resume slow`,
  );
}

/** Cuts the power, and boots with all disks as fast as they are. */
async function cutAndBoot(): Promise<void> {
  await guest().powerCut();
  await guest().boot();
  await guest().shell(`modprobe -a dm-delay dm-raid; dmsetup create slow --table "${slowDisk(0)}"`);
}

let driver: Driver;
beforeAll(async () => {
  await guest().shell(`modprobe -a dm-delay dm-raid; dmsetup create slow --table "${slowDisk(0)}"`);
  driver = await prepareDriver(guest(), { pools, more: 'rescan: 24h' });
  await driver.launch();
  await driver.ready();
});

describe.each([
  ['raid1', { mirrors: '1' }, 2],
  ['raid10', { stripes: '2', mirrors: '1' }, 4],
])('a power cut inside the creation of a %s volume', (type, parameters, legs) => {
  // The device that LVM makes last before the cut: the metadata of one leg while it is wiped, then the volume itself.
  const moments = [`qwide-${type}_rmeta_${legs - 1}`, `qwide-${type}_rmeta_0`, `qwide-${type}`];
  test.each(moments)('while %s is there leaves nothing in the way', async (device) => {
    const request = volumeRequest(type, 24 * MiB, { parameters });
    await slowDown(20);
    const created = outcomeOf(driver.client.controller.createVolume(request));
    await guest().shell(`until [ -e /dev/mapper/${device} ]; do :; done`);
    await cutAndBoot();
    expect((await created).code).toBe('UNAVAILABLE');
    await driver.launch();
    await driver.ready();
    const { volume } = await untilDone(() => driver.client.controller.createVolume(request));
    expect((await guest().shell('lvs --noheadings -o lv_name qwide')).trim()).toBe(type);
    expect(await guest().shell('lvs --noheadings -o lv_tags qwide')).not.toContain('creating');
    await driver.client.controller.deleteVolume({ volumeId: volume?.volumeId ?? '' });
    expect(await guest().shell('lvs --noheadings -a qwide')).toBe('');
  });
});
