import { beforeAll, expect, test } from 'vitest';
import { createVolume, type Driver, MiB, outcomeOf, startDriver, untilDone } from '../support/driver.ts';
import { createGroup, type FaultyDisk } from '../support/faulty-disk.ts';
import { GUEST_NODE, useGuest } from '../support/guest.ts';
import { volumeCalls } from '../support/volume-calls.ts';

const guest = useGuest({ disks: ['512M', '256M'] });
const pools = `
  - { name: stuck, volumeGroup: qstuck, type: thin, thin: { share: 50%, overprovision: 10 } }
  - { name: well, volumeGroup: qwell, type: thin, thin: { share: 80%, overprovision: 10 } }`;

let driver: Driver;
let disk: FaultyDisk;
const { create, remove, stage, unstage, publish, unpublish, stats, expand, modify, capacity } = volumeCalls(
  () => driver,
);
const ok = { code: 'OK', details: '' };
const unavailable = { code: 'UNAVAILABLE', details: expect.any(String) };
const apart = { code: 'UNAVAILABLE', details: expect.stringMatching(/volume group qstuck is set apart/) };
const thin = (pool: string) => ({ parameters: { pool } });
const idOf = (name: string) => `node-1:${name}`;

/** A dmsetup that lets the disk hang right before it suspends the device that /run/step names. It comes first on the path of the driver's programs. */
const hangingDmsetup = `#!/bin/sh
if [ "$*" = "suspend $(cat /run/step 2>/dev/null)" ]; then /usr/sbin/dmsetup suspend --noflush --nolockfs disk-qstuck; fi
exec /usr/sbin/dmsetup "$@"`;

beforeAll(async () => {
  const install = 'cat > /usr/local/sbin/dmsetup; chmod +x /usr/local/sbin/dmsetup';
  await guest().exec(['sh', '-c', install], { input: hangingDmsetup });
  disk = await createGroup(guest(), 'qstuck', '/dev/ubda');
  await guest().shell('vgcreate -qq qwell /dev/ubdb');
  const more = 'rescan: 24h\nlvm: { deadline: 3s }\nsnapshots: { pauseLimit: 2s }\nmetrics: { listen: 127.0.0.1:9809 }';
  driver = await startDriver(guest(), { pools, more });
  for (const pool of ['stuck', 'well']) {
    for (const name of ['a', 'b', 'c', 'd']) await createVolume(driver, `${pool}-${name}`, 16 * MiB, thin(pool));
    await stage(`${pool}-a`);
  }
});

const get = (path: string) =>
  guest().shell(
    `${GUEST_NODE} -e "fetch('http://127.0.0.1:9809/${path}').then(async r => console.log(r.status, await r.text()))"`,
  );
const metric = async () =>
  /^quarry_storage_health\{.*pool="stuck",.*reason="VolumeGroupStuck".*\} 1$/m.test(await get('metrics'));
const storage = async () => (await driver.client.node.nodeGetStorageHealth({})).backendHealth;
const snapshot = async (name: string, source: string) =>
  (await driver.client.controller.createSnapshot({ name, sourceVolumeId: idOf(source) })).snapshot?.snapshotId ?? '';

/** The first calls that need LVM wait for its deadline; then the group is apart. */
async function expectSetApart(): Promise<void> {
  const needLvm = [create('stuck-new', 'stuck', 'thin'), expand('stuck-b'), modify('stuck-c'), remove('stuck-d')];
  const others = [stats('well-a'), publish('well-a')];
  expect(await Promise.all(others)).toEqual([ok, ok]);
  expect(await Promise.all(needLvm)).toEqual([unavailable, unavailable, unavailable, unavailable]);
  await driver.logged('a volume group is set apart: LVM gives no answer about it');
  await expect.poll(() => modify('stuck-c'), { timeout: 60_000 }).toEqual(apart);
}

/** Unknown is not absent. */
async function expectUnknown(): Promise<void> {
  const { controller, node } = driver.client;
  expect(await create('stuck-b', 'well', 'thin')).toEqual(apart);
  for (const name of ['stuck-d', 'never-made']) {
    expect(await remove(name)).toEqual(apart);
    const { volumeHealth } = await node.nodeGetVolumeHealth({ volumeId: idOf(name) });
    expect(volumeHealth?.healthStatuses).toMatchObject([{ reason: 'StateUnknown', message: apart.details }]);
  }
  const { volumeHealth } = await controller.controllerGetVolumeHealth({ volumeId: idOf('stuck-b') });
  expect(volumeHealth?.healthStatuses).toMatchObject([{ status: 'INACCESSIBLE', reason: 'StateUnknown' }]);
  const pool = { status: 'STORAGE_UNREACHABLE', reason: 'VolumeGroupStuck' };
  expect(await storage()).toEqual(expect.arrayContaining([expect.objectContaining(pool)]));
  expect(await metric()).toBe(true);
}

async function expectOthersGoOn(): Promise<void> {
  expect(await create('well-new', 'well', 'thin')).toEqual(ok);
  expect(await stage('well-new')).toEqual(ok);
  expect(await expand('well-new')).toEqual(ok);
  const snapshotId = await snapshot('well-snapshot', 'well-a');
  await driver.client.controller.deleteSnapshot({ snapshotId });
  expect(await unstage('well-new')).toEqual(ok);
  expect(await remove('well-new')).toEqual(ok);
  expect(await modify('well-c')).toEqual(ok);
  expect(await unpublish('well-a')).toEqual(ok);
  expect(await capacity('well')).not.toBe('0');
  expect(await capacity('stuck')).toBe('0');
  expect((await driver.client.identity.probe({})).ready?.value).toBe(true);
  expect(await get('healthz')).toMatch(/^200/);
}

async function expectRecovery(): Promise<void> {
  await untilDone(() => createVolume(driver, 'stuck-new', 16 * MiB, thin('stuck')));
  expect(await expand('stuck-b')).toEqual(ok);
  expect(await modify('stuck-c')).toEqual(ok);
  for (const name of ['stuck-d', 'stuck-new', 'never-made']) expect(await remove(name)).toEqual(ok);
  expect(await create('stuck-d', 'stuck', 'thin')).toEqual(ok);
  expect(await unstage('stuck-a')).toEqual(ok);
  expect(await stage('stuck-a')).toEqual(ok);
  expect((await driver.quarry('hung')).stdout).toMatch(/Nothing hangs/);
  expect(await storage()).toEqual([]);
  expect(await metric()).toBe(false);
}

test('a disk that does not answer: its group is set apart, other pools go on, and it is back without a restart', async () => {
  await disk.suspend();
  await expectSetApart();
  await expectUnknown();
  await expectOthersGoOn();
  await disk.resume();
  await expectRecovery();
});

test('so does the metadata of a thin pool that does not answer', async () => {
  await guest().shell('dmsetup suspend --noflush --nolockfs qstuck-thinpool_tmeta');
  await expectSetApart();
  expect(await create('well-new', 'well', 'thin')).toEqual(ok);
  expect(await remove('well-new')).toEqual(ok);
  await guest().shell('dmsetup resume qstuck-thinpool_tmeta');
  await expectRecovery();
});

test('a disk that stops to answer amid a group snapshot holds up the writes to its own volumes only', async () => {
  const [well, stuck] = ['a-well', 'z-stuck'];
  await createVolume(driver, well, 16 * MiB, thin('well'));
  await createVolume(driver, stuck, 16 * MiB, thin('stuck'));
  for (const name of [well, stuck]) expect(await stage(name)).toEqual(ok);
  const write = (name: string) =>
    guest().exec(['sh', '-c', `echo text > /run/${name}/file && sync -f /run/${name}/file`]);
  const suspended = () => guest().shell(`/usr/sbin/dmsetup info -c --noheadings -o name,suspended | grep Susp || true`);
  await guest().shell(`echo unwritten > /run/${stuck}/file; echo qstuck-z--stuck > /run/step`);
  const sourceVolumeIds = [well, stuck].map(idOf);
  const call = outcomeOf(driver.client.groupController.createVolumeGroupSnapshot({ name: 'cut', sourceVolumeIds }));
  // The disk does not answer from before the suspension of the second volume on; the first one is suspended then.
  await expect.poll(suspended, { timeout: 60_000 }).toMatch(/qwell-a--well:Suspended/);
  expect((await write(well)).exitCode).toBe(0);
  expect(await call).toMatchObject({ code: 'UNAVAILABLE' });
  // A name is locked while a program of its creation hangs, which began before the group was set apart.
  let tries = 0;
  await untilDone(() => createVolume(driver, `new-${(tries += 1)}`, 16 * MiB, thin('well')));
  await guest().shell('rm /run/step');
  await disk.resume();
  expect((await write(stuck)).exitCode).toBe(0);
  await expect.poll(suspended, { timeout: 60_000 }).toBe('');
  const remaining = () => guest().shell(`lvs --noheadings -o lv_name -S 'lv_name=~^snap-'`);
  await expect.poll(remaining, { timeout: 60_000 }).toBe('');
  const group = await untilDone(() =>
    driver.client.groupController.createVolumeGroupSnapshot({ name: 'cut', sourceVolumeIds }),
  );
  expect(group.groupSnapshot?.snapshots).toHaveLength(2);
});
