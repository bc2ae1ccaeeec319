import { beforeAll, expect, test } from 'vitest';
import type { Process } from '../../lab/process.ts';
import { capabilities, createVolume, type Driver, MiB, outcomeOf, prepareDriver } from '../support/driver.ts';
import { useGuest } from '../support/guest.ts';
import { untilSuccess } from '../support/until-success.ts';

const guest = useGuest({ disks: ['160M', '160M', '160M', '160M', '160M'] });
const pools = `
  - { name: thick, volumeGroup: qthick, type: thick, disks: { paths: ['/dev/ubd[abc]'] }, approve: automatic }
  - name: thin
    volumeGroup: qthin
    type: thin
    disks: { paths: ['/dev/ubd[de]'] }
    approve: manual
    thin: { share: 80%, metadataSize: 4Mi }`;
const more = 'rescan: 1s\njobs: { evacuation: 2, evacuationRate: 16Mi }';

let driver: Driver;
beforeAll(async () => {
  driver = await prepareDriver(guest(), { pools, more });
  await start();
});

const eventually = { timeout: 60_000 };
/** Of the thin pool. */
const [old, replacement] = ['/dev/ubdd', '/dev/ubde'];
const names = ['lin', 'both', 'sparse'] as const;
type Name = (typeof names)[number];
const written = ['lin', 'sparse'] as const;
const ok = { code: 'OK', details: '' };
const path = (name: string) => ({ volumeId: `node-1:${name}`, stagingTargetPath: `/run/stage-${name}` });
const create = (name: string, size: number, parameters: object) =>
  outcomeOf(createVolume(driver, name, size * MiB, { parameters }));

async function start(): Promise<void> {
  await driver.launch();
  await driver.ready();
}

async function stage(name: Name): Promise<void> {
  await guest().shell(`mkdir -p /run/stage-${name}`);
  await driver.client.node.nodeStageVolume({ ...path(name), volumeCapability: capabilities.ext4 });
}

const RECORDS = 64;
const RECORD = 4096;

/** Writes numbers that grow, each to the next of 64 places, and prints each when it is on the disk. */
const startWriter = (name: Name, from: number): Promise<Process> =>
  guest().start([
    'sh',
    '-c',
    `n=${from}; while n=$((n + 1)) && printf '%-${RECORD}d' $n | dd of=/run/stage-${name}/numbers bs=${RECORD} iflag=fullblock oflag=direct conv=fsync,notrunc seek=$((n % ${RECORDS})) status=none; do echo $n; sleep 0.1; done`,
  ]);
const acknowledged = (writer: Process) => Number(writer.stdout.text.trimEnd().split('\n').at(-1));

/** Each number that was acknowledged is there, or a newer one in its place. */
async function expectNumbers(name: Name, last: number): Promise<void> {
  const text = await guest().shell(`echo 3 >/proc/sys/vm/drop_caches; cat /run/stage-${name}/numbers`);
  for (let number = Math.max(1, last - RECORDS + 1); number <= last; number += 1) {
    const at = (number % RECORDS) * RECORD;
    const found = Number(text.slice(at, at + RECORD));
    expect(found % RECORDS).toBe(number % RECORDS);
    expect(found).toBeGreaterThanOrEqual(number);
  }
}

/** Of the files, and of the thick snapshot. */
const sums = () =>
  guest().shell(
    `lv=$(lvs --noheadings -o lv_name -S 'origin=lin' qthick | tr -d ' '); echo 3 >/proc/sys/vm/drop_caches; md5sum /dev/qthick/$lv ${names.map((name) => `/run/stage-${name}/data`).join(' ')}`,
  );

/** Percentage of the time that the kernel copies for moves. */
const copySlowly = () => guest().shell('echo 1 >/sys/module/dm_mirror/parameters/raid1_resync_throttle');
const copyFast = () => guest().shell('echo 100 >/sys/module/dm_mirror/parameters/raid1_resync_throttle');
/** Resolves while a move in the group is copied, with how much is. */
const moving = (group: string) =>
  guest().shell(`until dmsetup status ${group}-pvmove0 2>/dev/null | grep mirror; do sleep 0.05; done`);
const movesOf = async (group: string) =>
  (await guest().shell(`lvs -a --noheadings -o move_pv ${group}`)).split(/\s+/).filter((word) => word !== '');
const usedOn = async (disk: string) =>
  (await guest().shell(`pvs --noheadings --nosuffix --units b -o pv_used ${disk}`)).trim();
const memberDisks = async () =>
  (await guest().shell('vgs --noheadings -o pv_count qthick qthin')).split(/\s+/).slice(1, 3);
const jobs = async () =>
  JSON.parse((await driver.quarry('jobs', '-o', 'json')).stdout) as { items: { kind: string }[] };
const devicesOf = (lv: string) => guest().shell(`lvs -a --noheadings -o devices ${lv}`);
const firstDiskOf = async (lv: string) => (await devicesOf(lv)).trim().replace(/\(.*/s, '');
const capacityOf = async (pool: string) =>
  Number((await driver.client.controller.getCapacity({ parameters: { pool } })).availableCapacity);
const done = { exitCode: 0 };

async function fill(): Promise<void> {
  await untilSuccess(driver, 'disks', 'approve', old);
  expect(await create('lin', 40, { pool: 'thick' })).toEqual(ok);
  expect(await create('both', 16, { pool: 'thick', mirrors: '1' })).toEqual(ok);
  await expect.poll(() => create('sparse', 24, { pool: 'thin' }), eventually).toEqual(ok);
  for (const name of names) {
    await stage(name);
    await guest().shell(`dd if=/dev/urandom of=/run/stage-${name}/data bs=1M count=8 conv=fsync status=none`);
  }
  for (const [name, parameters] of [['lin', { snapshotSize: '8Mi' }] as const, ['sparse', {}] as const])
    await driver.client.controller.createSnapshot({ name: `of-${name}`, sourceVolumeId: `node-1:${name}`, parameters });
}

test('a disk is evacuated through a kill and a power cut while volumes are written, and leaves its group', async () => {
  await fill();
  const disk = await firstDiskOf('qthick/lin');
  const [before, capacity] = [await sums(), await capacityOf('thick')];
  const early = await driver.quarry('disks', 'remove', disk, '--dry-run');
  expect(early).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(`quarry disks evacuate ${disk}`) });
  const first = await Promise.all(written.map((name) => startWriter(name, 0)));

  const planned = await driver.quarry('disks', 'evacuate', disk, '--dry-run', '-o', 'json');
  const lin = { lv: 'qthick/lin', volume: 'node-1:lin', to: expect.stringMatching(/^\/dev\/ubd/) };
  expect(JSON.parse(planned.stdout)).toMatchObject({ items: expect.arrayContaining([expect.objectContaining(lin)]) });
  expect(await jobs()).toEqual({ items: [] });
  await guest().shell('modprobe dm-mirror');
  await copySlowly();
  expect(await driver.quarry('disks', 'evacuate', disk)).toMatchObject(done);
  await moving('qthick');
  await guest().shell(`kill -9 ${driver.process().pid} $(pidof lvm)`);
  await driver.process().exited;
  await moving('qthick');
  expect(await movesOf('qthick')).toEqual([disk]);
  await copyFast();
  await start();
  expect(await jobs()).toMatchObject({ items: [{ kind: 'evacuation', lv: disk, pool: 'thick' }] });
  await expect.poll(() => usedOn(disk), eventually).toBe('0');

  await copySlowly();
  const wrong = { exitCode: 1, stderr: expect.stringContaining(`/dev/ubda cannot replace the disk`) };
  expect(await driver.quarry('disks', 'replace', old, '/dev/ubda')).toMatchObject(wrong);
  const moves = await driver.quarry('disks', 'replace', old, replacement, '--dry-run', '-o', 'json');
  const data = expect.objectContaining({ lv: 'qthin/thinpool_tdata', becomes: `moves to ${replacement}` });
  expect(JSON.parse(moves.stdout)).toMatchObject({ items: expect.arrayContaining([data]) });
  expect(await memberDisks()).toEqual(['3', '1']);
  // A driver that looks at the new disk keeps the command from taking it.
  await untilSuccess(driver, 'disks', 'replace', old, replacement);
  await moving('qthin');
  const acked = first.map(acknowledged);
  await guest().powerCut();
  await guest().boot();
  expect(await movesOf('qthin')).toEqual([old]);
  await start();
  for (const [index, name] of written.entries()) {
    await stage(name);
    await expectNumbers(name, acked[index] ?? 0);
  }
  await stage('both');
  expect(await sums()).toEqual(before);
  const second = await Promise.all(
    written.map((name, index) => startWriter(name, (acked[index] ?? 0) + 1000 * RECORDS)),
  );

  await expect.poll(memberDisks, eventually).toEqual(['3', '1']);
  expect(await driver.quarry('disks', 'evacuate', disk, '--cancel')).toMatchObject(done);
  expect(await driver.quarry('disks', 'evacuate', disk)).toMatchObject(done);
  expect(await driver.quarry('disks', 'remove', disk)).toMatchObject(done);
  await expect.poll(memberDisks, eventually).toEqual(['2', '1']);
  const { stdout } = await driver.quarry('disks');
  for (const gone of [disk, old]) expect(stdout).toMatch(new RegExp(`^${gone} .* returned`, 'm'));
  expect(await capacityOf('thick')).toBeLessThan(capacity);
  expect(await sums()).toEqual(before);
  for (const [index, name] of written.entries()) {
    const writer = second[index];
    const last = writer ? acknowledged(writer) : Number.NaN;
    expect(last).toBeGreaterThan((acked[index] ?? 0) + 1000 * RECORDS);
    await expectNumbers(name, last);
  }
}, 600_000);
