import { beforeAll, expect, test } from 'vitest';
import { capabilities, createVolume, type Driver, MiB, outcomeOf, startDriver } from '../support/driver.ts';
import { useGuest } from '../support/guest.ts';

const guest = useGuest({ disks: ['128M'] });
const [first, second] = ['/dev/loop1', '/dev/loop2'] as const;
const pools = `
  - { name: pair, volumeGroup: qpair, type: thick, disks: { paths: [${first}, ${second}] }, approve: automatic }
  - name: other
    volumeGroup: qother
    type: thin
    disks: { paths: [/dev/ubda] }
    approve: automatic
    thin: { share: 50%, metadataSize: 4Mi }`;
const attach = (loop: string) =>
  guest().shell(`modprobe loop; file=/root/$(basename ${loop}); truncate -s 96M $file; losetup ${loop} $file`);

let driver: Driver;
beforeAll(async () => {
  await attach(first);
  await attach(second);
  driver = await startDriver(guest(), { pools, more: 'rescan: 24h' });
});

const ok = { code: 'OK', details: '' };
const answer = (code: string, details: RegExp) => ({ code, details: expect.stringMatching(details) });
const path = (name: string) => ({ volumeId: `node-1:${name}`, stagingTargetPath: `/run/stage-${name}` });
const create = (name: string, size: number, parameters: object = { pool: 'pair' }) =>
  outcomeOf(createVolume(driver, name, size * MiB, { parameters }));
const remove = (name: string) => outcomeOf(driver.client.controller.deleteVolume({ volumeId: `node-1:${name}` }));
const unstage = (name: string) => outcomeOf(driver.client.node.nodeUnstageVolume(path(name)));
const expand = (name: string, size: number) => {
  const request = { volumeId: `node-1:${name}`, capacityRange: { requiredBytes: `${size * MiB}` } };
  return outcomeOf(driver.client.controller.controllerExpandVolume(request));
};
async function stage(name: string) {
  await guest().shell(`mkdir -p /run/stage-${name}`);
  return outcomeOf(driver.client.node.nodeStageVolume({ ...path(name), volumeCapability: capabilities.ext4 }));
}
const content = (name: string) => guest().shell(`cat /run/stage-${name}/file`);
const deviceOf = async (name: string) =>
  (await guest().shell(`lvs --noheadings -o devices qpair/${name}`)).trim().replace(/\(.*/, '');

test('a group that lacks a disk at boot serves the volumes on its other disks, and all of them when the disk is back', async () => {
  expect(await create('here', 40)).toEqual(ok);
  expect(await create('away', 40)).toEqual(ok);
  expect(await create('both', 4, { pool: 'pair', mirrors: '1' })).toEqual(ok);
  expect([await deviceOf('here'), await deviceOf('away')]).toEqual([first, second]);
  for (const name of ['here', 'away', 'both']) {
    expect(await stage(name)).toEqual(ok);
    await guest().shell(`echo ${name} >/run/stage-${name}/file`);
    expect(await unstage(name)).toEqual(ok);
  }
  await driver.terminate();
  await guest().powerCut();
  await guest().boot();
  await attach(first);
  await driver.launch();
  await driver.ready();

  for (const name of ['here', 'both']) {
    expect(await stage(name)).toEqual(ok);
    expect(await content(name)).toBe(`${name}\n`);
    expect(await unstage(name)).toEqual(ok);
  }
  expect(await stage('away')).toEqual(answer('UNAVAILABLE', /on a disk of qpair that is missing, and has no copy/));
  const missing = /volume group qpair lacks 1 of its disks/;
  expect(await create('new', 4)).toEqual(answer('RESOURCE_EXHAUSTED', missing));
  expect(await expand('here', 44)).toEqual(answer('RESOURCE_EXHAUSTED', missing));
  expect(await create('away', 40)).toEqual(answer('UNAVAILABLE', missing));
  expect(await create('elsewhere', 8, { pool: 'other' })).toEqual(ok);

  await attach(second);
  // The mirror was marked as open meanwhile: since then LVM counts the disk as missing until the driver restores it.
  driver.process().kill('SIGHUP');
  while ((await create('new', 4)).code !== 'OK');
  for (const name of ['here', 'away', 'both']) {
    expect(await stage(name)).toEqual(ok);
    expect(await content(name)).toBe(`${name}\n`);
    expect(await unstage(name)).toEqual(ok);
    expect(await remove(name)).toEqual(ok);
  }
});
