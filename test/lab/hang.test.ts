import { beforeAll, expect, test } from 'vitest';
import { capabilities, createVolume, type Driver, MiB, outcomeOf, startDriver, untilDone } from '../support/driver.ts';
import { GUEST_NODE, useGuest } from '../support/guest.ts';

const guest = useGuest({ disks: ['512M', '256M', '256M'] });
const pools = ['fast', 'second', 'third']
  .map(
    (name, disk) => `
  - name: ${name}
    volumeGroup: q${name}
    type: thick
    disks: { paths: ["/dev/ubd${'abc'[disk]}"] }
    approve: automatic`,
  )
  .join('');

const onHungDisks = ['second', 'third'].flatMap((pool) => ['a', 'b'].map((end) => ({ pool, name: `${pool}-${end}` })));

let driver: Driver;
beforeAll(async () => {
  driver = await startDriver(guest(), { pools, more: 'rescan: 24h\nmetrics: { listen: 127.0.0.1:9809 }' });
  for (const name of ['stuck', 'fine', 'other']) await createVolume(driver, name, 16 * MiB);
  for (const { pool, name } of onHungDisks) await createVolume(driver, name, 16 * MiB, { parameters: { pool } });
});

const stage = (name: string) =>
  driver.client.node.nodeStageVolume(
    { volumeId: `node-1:${name}`, stagingTargetPath: `/run/${name}`, volumeCapability: capabilities.ext4 },
    { deadlineMs: 120_000 },
  );
const expand = (name: string) =>
  driver.client.node.nodeExpandVolume(
    { volumeId: `node-1:${name}`, volumePath: `/run/${name}` },
    { deadlineMs: 120_000 },
  );
const hungOperations = async () => {
  const script = `fetch('http://127.0.0.1:9809/metrics').then(r => r.text()).then(console.log)`;
  const text = await guest().shell(`${GUEST_NODE} -e "${script}"`);
  return /^quarry_hung_operations (\d+)$/m.exec(text)?.[1];
};

test('gives up on a program on a disk that hangs, remembers it, keeps its volume locked, and serves the others', async () => {
  // Every read of a suspended device waits in uninterruptible sleep.
  await guest().shell('dmsetup suspend --noflush --nolockfs qfast-stuck');
  const given = await outcomeOf(stage('stuck'));
  expect(given).toMatchObject({ code: 'UNAVAILABLE', details: expect.stringMatching(/still runs as process \d+/) });
  expect((await driver.quarry('hung')).stdout).toMatch(/blkid .*qfast-stuck/);
  expect(await hungOperations()).toBe('1');
  expect(await outcomeOf(stage('stuck'))).toMatchObject({ code: 'ABORTED' });
  expect(await outcomeOf(stage('fine'))).toEqual({ code: 'OK', details: '' });

  await guest().shell('dmsetup resume qfast-stuck');
  await untilDone(() => stage('stuck'));
  expect((await driver.quarry('hung')).stdout).toMatch(/Nothing hangs/);
  expect(await hungOperations()).toBe('0');
});

test('serves other disks while reads hang on two disks and block four threads', async () => {
  for (const { name } of onHungDisks) await stage(name);
  const each = (command: string) =>
    onHungDisks.map(({ pool, name }) => `${command} q${pool}-${name.replace('-', '--')}`);
  await guest().shell(
    ['sync; echo 3 >/proc/sys/vm/drop_caches', ...each('dmsetup suspend --noflush --nolockfs')].join('\n'),
  );
  const given = await Promise.all(onHungDisks.map(({ name }) => outcomeOf(expand(name))));
  expect(given).toEqual(
    onHungDisks.map(() => ({ code: 'UNAVAILABLE', details: expect.stringMatching(/a read of .* did not end/) })),
  );
  expect(await hungOperations()).toBe('4');
  expect(await outcomeOf(stage('other'))).toEqual({ code: 'OK', details: '' });
  expect(await outcomeOf(expand('other'))).toEqual({ code: 'OK', details: '' });
  const { volumeHealth } = await driver.client.node.nodeGetVolumeHealth({ volumeId: 'node-1:second-a' });
  expect(volumeHealth?.healthStatuses).toMatchObject([{ status: 'INACCESSIBLE', reason: 'DeviceStuck' }]);

  await guest().shell(each('dmsetup resume').join('\n'));
  for (const { name } of onHungDisks) await untilDone(() => expand(name));
  expect(await hungOperations()).toBe('0');
});

test('ends on SIGTERM while a program hangs', async () => {
  await guest().shell('umount /run/stuck; dmsetup suspend --noflush --nolockfs qfast-stuck');
  await outcomeOf(stage('stuck'));
  const { exitCode } = await driver.terminate();
  expect(exitCode).toBe(0);
  await guest().shell('dmsetup resume qfast-stuck');
});
