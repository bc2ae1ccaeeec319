import { beforeAll, expect, test } from 'vitest';
import { capabilities, createVolume, type Driver, MiB, outcomeOf, startDriver } from '../support/driver.ts';
import { useGuest } from '../support/guest.ts';

const guest = useGuest({ disks: ['128M'] });
const [first, second] = ['/dev/loop1', '/dev/loop2'] as const;
/** Of a thin pool. */
const wide = ['/dev/loop3', '/dev/loop4'];
const pools = `
  - { name: pair, volumeGroup: qpair, type: thick, disks: { paths: [${first}, ${second}] }, approve: automatic }
  - name: other
    volumeGroup: qother
    type: thin
    disks: { paths: [/dev/ubda] }
    approve: automatic
    thin: { share: 50%, metadataSize: 4Mi }
  - name: wide
    volumeGroup: qwide
    type: thin
    disks: { paths: [${wide.join()}] }
    approve: automatic
    thin: { share: 70%, metadataSize: 4Mi }`;
const attach = (loop: string) =>
  guest().shell(`modprobe loop; file=/root/$(basename ${loop}); truncate -s 96M $file; losetup ${loop} $file`);

let driver: Driver;
beforeAll(async () => {
  for (const loop of [first, second, ...wide]) await attach(loop);
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

const thin = ['thin-1', 'thin-2', 'thin-3', 'thin-4'] as const;

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
  for (const name of thin) expect(await create(name, 12, { pool: 'wide' })).toEqual(ok);
  await driver.client.controller.createSnapshot({ name: 'of-thin', sourceVolumeId: `node-1:${thin[0]}` });
  const ofThinPool = await guest().shell('lvs -a --noheadings -o devices qwide/thinpool_tdata qwide/thinpool_tmeta');
  const dead = wide.find((disk) => ofThinPool.includes(disk));
  await driver.terminate();
  await guest().powerCut();
  await guest().boot();
  for (const loop of [first, ...wide.filter((disk) => disk !== dead)]) await attach(loop);
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

test('a thin pool on a dead disk is given up with its volumes and snapshots, also after a kill in between, and the group gets a new one', async () => {
  const lost = answer('UNAVAILABLE', /qwide/);
  expect(await stage(thin[0])).toEqual(lost);
  const missing = `pvs --noheadings -o pv_missing,vg_name,pv_uuid 2>/dev/null | awk '$1 == "missing" && $2 == "qwide" { print $3 }'`;
  const uuid = (await guest().shell(missing)).trim();
  const giveUp = (...more: string[]) => driver.quarry('disks', 'give-up', uuid, '--delete-lost', '-o', 'json', ...more);
  const dry = await giveUp('--dry-run');
  expect(dry).toMatchObject({ exitCode: 0, stderr: '' });
  const { items } = JSON.parse(dry.stdout) as { items: { lv: string; becomes: string }[] };
  expect(items.map(({ becomes }) => becomes)).toEqual(Array.from({ length: thin.length + 2 }, () => 'lost'));
  expect(items[0]).toMatchObject({ lv: 'qwide/thinpool' });

  const count = `lvs --readonly --noheadings -o lv_name -S 'pool_lv!=""' qwide 2>/dev/null | wc -l`;
  const killed = guest().shell(`until [ $(${count}) -lt ${thin.length + 1} ]; do :; done
    kill -9 ${driver.process().pid} $(pidof lvm)`);
  await Promise.all([giveUp(), killed]);
  await driver.process().exited;
  await driver.launch();
  await driver.ready();
  expect(await giveUp()).toMatchObject({ exitCode: 0 });
  for (const name of thin) expect(await remove(name)).toEqual(ok);
  await expect.poll(() => create('thin-5', 12, { pool: 'wide' }), { timeout: 60_000 }).toEqual(ok);
  expect(await stage('thin-5')).toEqual(ok);
}, 300_000);
