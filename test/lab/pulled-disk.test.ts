import { beforeAll, expect, test } from 'vitest';
import { capabilities, createVolume, type Driver, MiB, outcomeOf, prepareDriver } from '../support/driver.ts';
import { useGuest } from '../support/guest.ts';
import { untilSuccess } from '../support/until-success.ts';

// Each disk is below a device of device-mapper, dm-0 to dm-4, which a test replaces by one that fails. The last one is the replacement.
const guest = useGuest({ disks: ['128M', '128M', '192M', '192M', '192M'] });
const letters = ['a', 'b', 'c', 'd', 'e'];
const pools = `
  - { name: pair, volumeGroup: qpair, type: thick, disks: { paths: [/dev/dm-0, /dev/dm-1] }, approve: automatic }
  - name: thin
    volumeGroup: qthin
    type: thin
    mirrors: 1
    disks: { paths: [/dev/dm-2, /dev/dm-3, /dev/dm-4] }
    approve: manual
    thin: { share: 60%, metadataSize: 4Mi }`;

const well = (letter: string) => `0 $(blockdev --getsz /dev/ubd${letter}) linear /dev/ubd${letter} 0`;
const broken = (letter: string) => `0 $(blockdev --getsz /dev/ubd${letter}) error`;
const layDisks = (...lost: string[]) =>
  guest().shell(
    ['modprobe -a dm-raid dm-thin-pool']
      .concat(
        letters.map((each) => `dmsetup create disk-${each} --table "${(lost.includes(each) ? broken : well)(each)}"`),
      )
      .join('\n'),
    { env: { DM_DISABLE_UDEV: '1' } },
  );
const replaceLayer = (letter: string, table: string) =>
  guest().shell(`dmsetup load disk-${letter} --table "${table}"
    dmsetup suspend --noflush --nolockfs disk-${letter}; dmsetup resume disk-${letter}`);
/** From now on every read and write of the disk fails. */
const pull = (letter: string) => replaceLayer(letter, broken(letter));
const bringBack = (letter: string) => replaceLayer(letter, well(letter));

let driver: Driver;
beforeAll(async () => {
  await guest().shell(`echo 'devices { global_filter = ["r|/dev/ubd.*|"] }' >>/etc/lvm/lvmlocal.conf; sync`);
  await layDisks();
  driver = await prepareDriver(guest(), { pools, more: 'rescan: 500ms\njobs: { repairAfter: 0s, repairRate: 8Mi }' });
  await driver.launch();
  await driver.ready();
});

const ok = { code: 'OK', details: '' };
const answer = (code: string, details: RegExp) => ({ code, details: expect.stringMatching(details) });
const eventually = { timeout: 60_000 };
const approve = (...disks: string[]) => untilSuccess(driver, 'disks', 'approve', ...disks);
/** The UUID of the disk that the group lacks. */
const missingOf = async (group: string) => {
  const ask = `pvs --noheadings -o pv_missing,vg_name,pv_uuid 2>/dev/null | awk '$1 == "missing" && $2 == "${group}" { print $3 }'`;
  const look = async () => (await guest().shell(ask)).trim();
  await expect.poll(look, eventually).toMatch(/^\S+$/);
  return look();
};
const path = (name: string) => ({ volumeId: `node-1:${name}`, stagingTargetPath: `/run/stage-${name}` });
const create = (name: string, size: number, parameters: object) =>
  outcomeOf(createVolume(driver, name, size * MiB, { parameters }));
const remove = (name: string) => outcomeOf(driver.client.controller.deleteVolume({ volumeId: `node-1:${name}` }));
const unstage = (name: string) => outcomeOf(driver.client.node.nodeUnstageVolume(path(name)));
async function stage(name: string) {
  await guest().shell(`mkdir -p /run/stage-${name}`);
  return outcomeOf(driver.client.node.nodeStageVolume({ ...path(name), volumeCapability: capabilities.ext4 }));
}
const write = (name: string, text: string) =>
  guest().shell(
    `cd /run/stage-${name}; echo ${text} >file; dd if=/dev/urandom of=data bs=1M count=4 status=none; sync -f .`,
  );
const read = (name: string) => guest().shell(`echo 3 >/proc/sys/vm/drop_caches; cat /run/stage-${name}/file`);
/** Waits until the kernel uses both copies and copies nothing, and compares them byte by byte. */
async function expectComplete(...raids: string[]): Promise<void> {
  for (const raid of raids)
    await guest().shell(`until dmsetup status ${raid} | grep ' AA .* idle '; do sleep 0.1; done`, { timeout: 200_000 });
  await guest().shell('echo 3 >/proc/sys/vm/drop_caches');
  for (const raid of raids) await guest().shell(`ls /dev/mapper/${raid}_rimage_? | xargs -n 2 cmp`);
}
const thinParts = ['qthin-thinpool_tmeta', 'qthin-thinpool_tdata'];

test('mirrors go on without a disk, and are complete again on another one or on the same one', async () => {
  await approve('/dev/dm-2', '/dev/dm-3');
  await expect.poll(() => create('thin', 16, { pool: 'thin' }), eventually).toEqual(ok);
  expect(await create('both', 16, { pool: 'pair', mirrors: '1' })).toEqual(ok);
  // The first disk has no room for the second of these.
  for (const name of ['here', 'away']) expect(await create(name, 40, { pool: 'pair' })).toEqual(ok);
  const names = ['thin', 'both', 'here', 'away'];
  for (const name of names) {
    expect(await stage(name), name).toEqual(ok);
    await write(name, 'before');
  }

  await pull('b');
  await pull('d');
  for (const name of ['thin', 'both', 'here']) {
    await write(name, 'during');
    expect(await read(name)).toBe('during\n');
  }
  const lacks = answer('RESOURCE_EXHAUSTED', /volume group qpair lacks 1 of its disks/);
  await expect.poll(() => create('new', 4, { pool: 'pair' }), eventually).toEqual(lacks);
  expect(await unstage('here')).toEqual(ok);
  expect(await remove('here')).toEqual(ok);
  expect(await unstage('away')).toEqual(ok);
  const lost = answer('UNAVAILABLE', /on a disk of qpair that is missing, and has no copy: .*"lvremove qpair\/away"/);
  expect(await stage('away')).toEqual(lost);
  expect(await remove('away')).toEqual(lost);

  // A replacement. The driver is killed while the kernel makes the copy.
  let begun = false;
  const copying = async () => {
    const begin = `until dmsetup status ${thinParts[1]} | grep recover; do sleep 0.1; done`;
    await guest()
      .shell(begin, { timeout: 200_000 })
      .catch(async (cause: unknown) => {
        throw new Error((await driver.quarry('jobs')).stdout, { cause });
      });
    begun = true;
  };
  const dead = await missingOf('qthin');
  const replace = (...more: string[]) => driver.quarry('disks', 'replace', dead, '/dev/dm-4', ...more);
  const planned = await replace('--dry-run', '-o', 'json');
  const copied = { becomes: 'copied from another disk' };
  expect(JSON.parse(planned.stdout)).toMatchObject({
    items: [
      { lv: 'qthin/thinpool', ...copied },
      { id: 'node-1:thin', ...copied },
    ],
  });
  // A look of the driver may hold the new disk just when the command takes it: it is repeated then.
  const attempt = async () => {
    const { exitCode, stderr } = await replace();
    return exitCode === 0 || begun ? 'success' : stderr;
  };
  const replaced = async () => {
    await expect.poll(attempt, { timeout: 200_000, interval: 500 }).toBe('success');
  };
  await Promise.all([replaced(), copying().then(() => driver.kill())]);
  await driver.launch();
  await driver.ready();
  await expectComplete(...thinParts);
  await expect.poll(() => create('new', 16, { pool: 'thin' }), eventually).toEqual(ok);
  expect(await remove('new')).toEqual(ok);

  // The other disk was only loose.
  await bringBack('b');
  await expectComplete('qpair-both');
  expect(await stage('away')).toEqual(ok);
  expect(await read('away')).toBe('before\n');
  for (const name of ['thin', 'both']) expect(await read(name)).toBe('during\n');
  await expect.poll(() => create('new', 4, { pool: 'pair' }), eventually).toEqual(ok);
}, 600_000);

test('a mirrored thin pool can be used after a boot without one of its disks', async () => {
  await driver.terminate();
  await guest().powerCut();
  await guest().boot();
  await layDisks('c');
  await driver.launch();
  await driver.ready();
  expect(await stage('thin')).toEqual(ok);
  expect(await read('thin')).toBe('during\n');
  await write('thin', 'after');
  expect(await unstage('thin')).toEqual(ok);
  expect(await remove('thin')).toEqual(ok);
});

/** The letter of the disk of a volume without a copy. */
const diskOf = async (name: string) =>
  /dm-0|disk-a/.test(await guest().shell(`lvs --noheadings -o devices qpair/${name}`)) ? 'a' : 'b';
const byId = (items: readonly { id: string; becomes: string }[]) =>
  items.map(({ id, becomes }) => ({ id, becomes })).toSorted((one, other) => one.id.localeCompare(other.id));

test('what only a dead disk had is named before it is given up, and gone after a kill in between; then the group takes volumes again', async () => {
  expect(await remove('new')).toEqual(ok);
  // It is there, and the job that made its copies equal may just end.
  await expect.poll(() => create('both', 16, { pool: 'pair', mirrors: '1' }), eventually).toEqual(ok);
  expect(await create('away', 40, { pool: 'pair' })).toEqual(ok);
  const small = ['small-1', 'small-2', 'small-3', 'small-4'];
  for (const name of small) expect(await create(name, 4, { pool: 'pair' })).toEqual(ok);
  const plain = ['away', ...small];
  const disks = await Promise.all(plain.map(diskOf));
  const disk = disks[1] ?? '';
  const lost = plain.filter((_, index) => disks[index] === disk);
  const safe = plain.filter((_, index) => disks[index] !== disk);
  expect(lost.length).toBeGreaterThan(2);
  await pull(disk);
  const dead = await missingOf('qpair');
  const giveUp = async (...more: string[]) => {
    const { stdout } = await driver.quarry('disks', 'give-up', dead, '--delete-lost', '-o', 'json', ...more);
    return byId((JSON.parse(stdout) as { items: { id: string; becomes: string }[] }).items);
  };
  const affected = byId([
    { id: 'node-1:both', becomes: 'copied from another disk' },
    ...lost.map((name) => ({ id: `node-1:${name}`, becomes: 'lost' })),
  ]);
  expect(await giveUp('--dry-run')).toEqual(affected);
  expect(await remove('small-1')).toEqual(answer('UNAVAILABLE', /on a disk of qpair that is missing/));
  expect(await driver.quarry('disks', 'give-up', disk === 'a' ? '/dev/dm-1' : '/dev/dm-0')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('is a disk of qpair that is here'),
  });

  // Killed after the first removal.
  const count = `lvs --readonly --noheadings -o lv_name -S 'lv_name=~"^(away|small-.)$"' qpair 2>/dev/null | wc -l`;
  const killed = guest().shell(`before=$(${count}); until [ $(${count}) -lt $before ]; do :; done
    kill -9 ${driver.process().pid} $(pidof lvm); ${count}`);
  expect(await driver.quarry('disks', 'give-up', dead, '--delete-lost')).toMatchObject({ exitCode: 1 });
  const left = Number(await killed) - safe.length;
  await driver.process().exited;
  await driver.launch();
  await driver.ready();
  expect(await giveUp()).toHaveLength(left + 1);
  for (const name of [...lost, ...safe]) expect(await remove(name)).toEqual(ok);
  expect(await stage('both')).toEqual(ok);
  await write('both', 'after');
  expect(await read('both')).toBe('after\n');
  expect(await unstage('both')).toEqual(ok);
  expect(await remove('both')).toEqual(ok);
  await expect.poll(() => create('later', 4, { pool: 'pair' }), eventually).toEqual(ok);
}, 300_000);
