import { beforeAll, beforeEach, expect, test } from 'vitest';
import { createVolume, type Driver, MiB, outcomeOf, startDriver } from '../support/driver.ts';
import { useGuest } from '../support/guest.ts';

// LVM writes a group's metadata, and then where it is, without a flush between: of disks with a volatile cache, a power cut may leave the second alone.

const guest = useGuest({ disks: ['256M', '256M', '256M'] });
const [first, second, only] = ['/dev/ubda', '/dev/ubdb', '/dev/ubdc'] as const;
const pools = `
  - name: pair
    volumeGroup: qpair
    type: thin
    disks: { paths: [${first}, ${second}] }
    approve: automatic
    thin: { share: 50%, metadataSize: 4Mi }
  - { name: single, volumeGroup: qsingle, type: thick, disks: { paths: [${only}] }, approve: automatic }`;

let driver: Driver;
beforeAll(async () => {
  driver = await startDriver(guest(), { pools, more: 'rescan: 24h' });
  await make('early-pair', 'pair');
  await make('early-single', 'single');
});
beforeEach(async () => {
  await guest().shell('rm -rf /root/backup; cp -a /etc/lvm/backup /root/backup');
});

const make = (name: string, pool: string) =>
  createVolume(driver, name, 8 * MiB, { parameters: { pool, type: pool === 'pair' ? 'thin' : 'thick' } });
const names = async () => {
  const { entries } = await driver.client.controller.listVolumes({});
  return entries.map(({ volume }) => volume?.volumeId.replace('node-1:', '') ?? '').toSorted();
};
/** Where a disk says that the metadata is, and whether it is there. */
const placeOn = async (device: string) => {
  const text = await guest().shell(`pvck --dump headers ${device} 2>/dev/null || true`);
  const read = (field: string) => Number(new RegExp(`raw_locn\\[0\\]\\.${field} (\\d+)`).exec(text)?.[1]);
  return { offset: 4096 + read('offset'), size: read('size'), sound: !text.includes('does not match') };
};
const end = async () => {
  await driver.terminate();
  await guest().shell('vgchange -an qpair qsingle');
};
const start = async () => {
  await driver.launch();
  await driver.ready();
};

/** Writes bytes of the file over the metadata on these disks, as if it had never been written there. */
async function lose(source: string, ...devices: string[]): Promise<void> {
  for (const device of devices) {
    const { offset, size } = await placeOn(device);
    await guest().shell(
      `dd if=${source} of=${device} bs=512 seek=${offset / 512} count=${Math.ceil(size / 512)} conv=notrunc,fsync status=none`,
    );
    expect(await placeOn(device)).toMatchObject({ sound: false });
  }
}

test('one disk that lost the metadata gets it again: LVM would leave the disk out of every later change', async () => {
  await end();
  await lose('/dev/zero', second);
  await start();
  expect(driver.log()).toContain('disks had lost the metadata of their volume group: it was written again');
  expect(await placeOn(second)).toMatchObject({ sound: true });
  await make('later', 'pair');
  expect((await guest().shell(`pvck --dump headers ${second}`)).includes('does not match')).toBe(false);
  expect(await names()).toEqual(['early-pair', 'early-single', 'later']);
});

test('a group whose disks all lost the newest metadata is as it was before that change', async () => {
  await end();
  await guest().shell('lvcreate -y -an -Wn -Zn -n unanswered -L 4M qpair');
  // The root disk lost the newest backup, too.
  await guest().shell('cp /root/backup/qpair /etc/lvm/backup/qpair');
  await lose('/dev/zero', first, second);
  await start();
  expect(driver.log()).toContain('a power cut took the metadata of a volume group: the state before it is restored');
  for (const device of [first, second]) expect(await placeOn(device)).toMatchObject({ sound: true });
  expect(await guest().shell('lvs --noheadings -o name qpair')).not.toContain('unanswered');
  expect(await names()).toEqual(['early-pair', 'early-single', 'later']);
  await make('after', 'pair');
  expect(await names()).toEqual(['after', 'early-pair', 'early-single', 'later']);
});

test('nothing is lost if the backup of LVM has it, which the driver renews', async () => {
  await make('kept', 'single');
  await driver.terminate();
  await start();
  await end();
  await lose('/dev/urandom', only);
  await start();
  expect(await names()).toEqual(['after', 'early-pair', 'early-single', 'kept', 'later']);
});

test('a single disk that may have damaged the metadata waits for a person, who gets the command', async () => {
  await end();
  await guest().shell(
    'lvcreate -y -an -Wn -Zn -n damaged -L 4M qsingle; cp /root/backup/qsingle /etc/lvm/backup/qsingle',
  );
  await lose('/dev/urandom', only);
  await start();
  const line = await driver.logged('the metadata of a volume group is lost');
  expect(await outcomeOf(make('other', 'single'))).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
  expect(await outcomeOf(make('kept', 'single'))).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
  const command = /run \\"(pvck [^"\\]+)\\"/.exec(line)?.[1] ?? 'false';
  await guest().shell(command);
  await driver.terminate();
  await start();
  expect(await names()).toEqual(['after', 'early-pair', 'early-single', 'kept', 'later']);
  await make('other', 'single');
});
