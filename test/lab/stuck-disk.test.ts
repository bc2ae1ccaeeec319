import { beforeAll, expect, test } from 'vitest';
import { createVolume, type Driver, MiB, startDriver, untilDone } from '../support/driver.ts';
import { createGroup, type FaultyDisk } from '../support/faulty-disk.ts';
import { GUEST_NODE, useGuest } from '../support/guest.ts';
import { volumeCalls } from '../support/volume-calls.ts';

const guest = useGuest({ disks: ['512M', '256M'] });
const pools = `
  - { name: stuck, volumeGroup: qstuck, type: thin, thin: { share: 50%, overprovision: 10 } }
  - { name: well, volumeGroup: qwell, type: thick }`;

let driver: Driver;
let disk: FaultyDisk;
const { create, remove, stage, unstage, publish, unpublish, stats, expand, modify, capacity } = volumeCalls(
  () => driver,
);
const ok = { code: 'OK', details: '' };
const held = { code: 'UNAVAILABLE', details: expect.stringMatching(/LVM did not answer within 3000 ms/) };
const thin = (pool: string) => ({ parameters: { pool, type: pool === 'well' ? 'thick' : 'thin' } });

beforeAll(async () => {
  disk = await createGroup(guest(), 'qstuck', '/dev/ubda');
  await guest().shell('vgcreate -qq qwell /dev/ubdb');
  const more = 'rescan: 24h\nlvm: { deadline: 3s }\nmetrics: { listen: 127.0.0.1:9809 }';
  driver = await startDriver(guest(), { pools, more });
  for (const pool of ['stuck', 'well']) {
    for (const name of ['a', 'b', 'c', 'd']) await createVolume(driver, `${pool}-${name}`, 16 * MiB, thin(pool));
    await stage(`${pool}-a`);
  }
});

const healthz = async () => {
  const script = `fetch('http://127.0.0.1:9809/healthz').then(r => console.log(r.status))`;
  return (await guest().shell(`${GUEST_NODE} -e "${script}"`)).trim();
};

/** Makes calls at the same time. */
async function expectHeldUp(): Promise<void> {
  const needLvm = [create('stuck-new', 'stuck', 'thin'), expand('stuck-b'), modify('stuck-c'), remove('stuck-d')];
  const others = [stats('well-a'), publish('well-a')];
  expect(await Promise.all(others)).toEqual([ok, ok]);
  expect(await Promise.all(needLvm)).toEqual([held, held, held, held]);
  expect(await unpublish('well-a')).toEqual(ok);
  expect(await capacity('well')).not.toBe('0');
  expect((await driver.client.identity.probe({})).ready?.value).toBe(true);
  expect(await healthz()).toBe('200');
}

async function expectRecovery(): Promise<void> {
  await untilDone(() => createVolume(driver, 'stuck-new', 16 * MiB, thin('stuck')));
  expect(await expand('stuck-b')).toEqual(ok);
  expect(await modify('stuck-c')).toEqual(ok);
  for (const name of ['stuck-d', 'stuck-new']) expect(await remove(name)).toEqual(ok);
  expect(await create('stuck-d', 'stuck', 'thin')).toEqual(ok);
  expect(await unstage('stuck-a')).toEqual(ok);
  expect(await stage('stuck-a')).toEqual(ok);
  expect((await driver.quarry('hung')).stdout).toMatch(/Nothing hangs/);
}

test.each([
  ['a disk', () => disk.suspend(), () => disk.resume()],
  [
    'the metadata of a thin pool',
    async () => void (await guest().shell('dmsetup suspend --noflush --nolockfs qstuck-thinpool_tmeta')),
    async () => void (await guest().shell('dmsetup resume qstuck-thinpool_tmeta')),
  ],
])(
  '%s that does not answer: calls that need LVM end at its deadline, the driver lives, and recovers',
  async (_what, suspend, resume) => {
    await suspend();
    await expectHeldUp();
    await resume();
    await expectRecovery();
  },
);
