import { beforeAll, describe, expect, test } from 'vitest';
import {
  capabilities,
  createVolume,
  type Driver,
  MiB,
  outcomeOf,
  prepareDriver,
  untilDone,
  volumeRequest,
} from '../support/driver.ts';
import { GUEST_NODE, useGuest } from '../support/guest.ts';

// One disk of each pool is behind dm-delay, so that a test chooses what a power cut interrupts. They are the first devices of device-mapper.
const guest = useGuest({ disks: ['256M', '256M', '256M', '256M', '128M', '128M', '160M', '160M'] });
const slowDisks = ['/dev/ubdd', '/dev/ubdf', '/dev/ubdh'];
const disks = (...paths: string[]) => `disks: { paths: [${paths.join(', ')}] }\n    approve: automatic`;
const pools = `
  - name: wide
    volumeGroup: qwide
    type: thick
    ${disks('/dev/ubda', '/dev/ubdb', '/dev/ubdc', '/dev/dm-0')}
  - name: pair
    volumeGroup: qpair
    type: thick
    ${disks('/dev/ubde', '/dev/dm-1')}
  - name: thin
    volumeGroup: qthin
    type: thin
    mirrors: 1
    ${disks('/dev/ubdg', '/dev/dm-2')}
    thin: { share: 40%, metadataSize: 4Mi }`;

/** LVM sees the physical volumes of slow disks twice, and has to use those on dm-delay. */
const stackedOnly = 'devices { filter = ["r|/dev/ubd[dfh]|", "a|.*|"] }';

/** The table of a disk that delays writes by some milliseconds. */
const tableOf = (disk: string, milliseconds: number): string =>
  `0 $(blockdev --getsz ${disk}) ${milliseconds === 0 ? `linear ${disk} 0` : `delay ${disk} 0 0 ${disk} 0 ${milliseconds}`}`;

const slowDown = (milliseconds: number) =>
  guest().shell(
    slowDisks
      .map((disk, index) => {
        const reload = `dmsetup reload slow${index} --table "${tableOf(disk, milliseconds)}"`;
        return `dmsetup suspend slow${index}; ${reload}; dmsetup resume slow${index}`;
      })
      .join('\n'),
  );

const stackDisks = () =>
  guest().shell(
    ['modprobe -a dm-delay dm-raid dm-thin-pool']
      .concat(slowDisks.map((disk, index) => `dmsetup create slow${index} --table "${tableOf(disk, 0)}"`))
      .join('\n'),
  );

/** Cuts the power, and boots without delayed disks. */
async function cutAndBoot(): Promise<void> {
  await guest().powerCut();
  await guest().boot();
  await stackDisks();
}

async function start(): Promise<void> {
  await driver.launch();
  await driver.ready();
}

let driver: Driver;
beforeAll(async () => {
  await stackDisks();
  const more = 'rescan: 500ms\njobs: { repairRate: 4Mi }\nmetrics: { listen: 127.0.0.1:9809 }';
  driver = await prepareDriver(guest(), { pools, more });
  await start();
});

/** The logical volumes with the mark of a boot. */
const marks = async (): Promise<string[]> =>
  (await guest().shell('lvs --noheadings -o lv_name,lv_tags | awk "/quarry.boot=/ { print \\$1 }"'))
    .split('\n')
    .filter(Boolean)
    .toSorted();
const unclean = async (): Promise<string[]> => {
  const script = 'fetch("http://127.0.0.1:9809/metrics").then((r) => r.text()).then(console.log)';
  const { stdout } = await guest().exec([GUEST_NODE, '-e', script]);
  return stdout.split('\n').filter((line) => /^quarry_jobs\{kind="repair".* 1$/.test(line));
};

describe('a power cut while one of two copies was written', () => {
  /** `lv`: the logical volume with the mark; `data`: the raid device. */
  const volumes = [
    { name: 'one', pool: 'pair', parameters: { mirrors: '1' }, lv: 'qpair/one', data: 'qpair-one' },
    { name: 'ten', pool: 'wide', parameters: { mirrors: '1', stripes: '2' }, lv: 'qwide/ten', data: 'qwide-ten' },
    { name: 'sparse', pool: 'thin', parameters: {}, lv: 'qthin/thinpool', data: 'qthin-thinpool_tdata' },
  ] as const;
  const device = (name: string) => `$(ls /dev/mapper/q*-${name})`;
  /** The command that compares the copies of a raid byte by byte; those of a raid10 are neighbours. */
  const equal = (raid: string) =>
    `{ echo 3 >/proc/sys/vm/drop_caches; ls /dev/mapper/${raid}_rimage_* | xargs -n 2 cmp; }`;
  const staging = (name: string) => ({ volumeId: `node-1:${name}`, stagingTargetPath: `/tmp/${name}` });
  const stage = (name: string) =>
    driver.client.node.nodeStageVolume({ ...staging(name), volumeCapability: capabilities.block });

  test('is followed by a reported repair in the background that makes the copies equal', async () => {
    for (const { name, pool, parameters } of volumes) {
      await createVolume(driver, name, 8 * MiB, { parameters: { pool, ...parameters } });
      await guest().shell(`mkdir -p /tmp/${name}`);
      await stage(name);
      await guest().shell(`dd if=/dev/zero of=${device(name)} bs=1M count=8 oflag=direct status=none`);
    }
    await guest().shell('while dmsetup status --target raid | grep -v idle; do :; done');
    // Writes without a pause: the kernel sends a write to both copies at once only while others are in flight.
    const job = '--size=8M --rw=randwrite --bs=64k --direct=1 --refill_buffers --time_based --runtime=600';
    const writers = volumes.map(({ name }) => `fio --name=${name} --filename=${device(name)} ${job} >/dev/null &`);
    await guest().start(['sh', '-c', `${writers.join('\n')}\nwait`]);
    const blank = (name: string) =>
      `dd if=${device(name)} bs=1M count=8 iflag=direct status=none | cmp -s -n 8388608 - /dev/zero`;
    for (const { name } of volumes) await guest().shell(`while ${blank(name)}; do :; done`);
    // From now on each write is on one copy and delayed on the other.
    await slowDown(600_000);
    for (const { data } of volumes) await guest().shell(`until ! ${equal(data)}; do :; done`);
    await cutAndBoot();
    // LVM reports the copies as equal.
    await guest().shell(
      `vgchange -qq -ay --config '${stackedOnly}'; while dmsetup status --target raid | grep -v idle; do :; done`,
    );
    for (const { data } of volumes) expect((await guest().exec(['sh', '-c', equal(data)])).exitCode, data).not.toBe(0);

    await start();
    expect((await unclean()).join()).toMatch(/pool="thin",volume="",state="(?:waiting|running)"/);
    // A repair that was cut off is found again and starts at the first byte. The others may have ended.
    const jobs = async (): Promise<string> => (await driver.quarry('jobs')).stdout;
    const thinPool = / +thin +\(thin pool\) +running /;
    await expect.poll(jobs, { timeout: 30_000 }).toMatch(thinPool);
    await cutAndBoot();
    await start();
    await expect.poll(jobs, { timeout: 30_000 }).toMatch(thinPool);
    await expect.poll(jobs, { timeout: 100_000 }).toBe('No job on this node.\n');
    for (const { data } of volumes) await guest().shell(equal(data));
    await guest().shell(equal('qthin-thinpool_tmeta'));
    expect(await unclean()).toEqual([]);
    // Closed volumes have no mark, and the thin pool has that of this boot.
    expect(await marks()).toEqual(['thinpool']);
  }, 300_000);

  test('repairs nothing after a kill of the driver or a clean stop', async () => {
    const repairs = (): number => driver.log().match(/copies made equal/g)?.length ?? 0;
    const before = repairs();
    expect(before).toBeGreaterThan(0);
    for (const { name } of volumes) await guest().shell(`mkdir -p /tmp/${name}`);
    for (const { name } of volumes) await stage(name);
    expect(await marks()).toEqual(['one', 'ten', 'thinpool']);
    await driver.kill();
    await start();
    expect(await unclean()).toEqual([]);
    for (const { name } of volumes) await driver.client.node.nodeUnstageVolume(staging(name));
    await driver.terminate();
    expect(await marks()).toEqual([]);
    await cutAndBoot();
    await start();
    expect(await unclean()).toEqual([]);
    expect(repairs()).toBe(before);
    await driver.client.controller.deleteVolume({ volumeId: 'node-1:ten' });
  });
});

test('a power cut while a disk that came back gets the copies of a raid10 volume again harms nothing', async () => {
  const raid = 'qwide-four';
  const status = (pattern: string) => `until dmsetup status ${raid} | grep -E '${pattern}'; do sleep 0.1; done`;
  const content = () => guest().shell(`sha256sum </dev/mapper/${raid}`);
  await slowDown(0);
  const parameters = { pool: 'wide', mirrors: '1', stripes: '2' };
  const volumeId = await createVolume(driver, 'four', 16 * MiB, { parameters });
  await guest().shell('mkdir -p /tmp/four');
  const staging = { volumeId, stagingTargetPath: '/tmp/four', volumeCapability: capabilities.block };
  await driver.client.node.nodeStageVolume(staging);
  // As if the disk were pulled out: every read and write of it fails.
  await guest().shell(`${status(' idle ')}
    dmsetup suspend --noflush slow0
    dmsetup reload slow0 --table "0 $(blockdev --getsz ${slowDisks[0]}) error"; dmsetup resume slow0
    dd if=/dev/urandom of=/dev/mapper/${raid} bs=1M count=16 oflag=direct status=none
    ${status(' A*D[AD]* ')}`);
  const written = await content();
  await slowDown(50);
  await guest().shell(status(' recover '), { timeout: 100_000 });
  await cutAndBoot();
  await start();
  await guest().shell(status(' AAAA .* idle '), { timeout: 100_000 });
  await guest().shell(`echo 3 >/proc/sys/vm/drop_caches; ls /dev/mapper/${raid}_rimage_* | xargs -n 2 cmp`);
  expect(await content()).toBe(written);
  await driver.client.controller.deleteVolume({ volumeId });
}, 300_000);

describe.each([
  ['raid1', { mirrors: '1' }, 2],
  ['raid10', { stripes: '2', mirrors: '1' }, 4],
])('a power cut during the creation of a %s volume', (type, parameters, legs) => {
  // The last device that LVM makes before the cut: the metadata of a leg while it is wiped, then the volume.
  const moments = [`qwide-${type}_rmeta_${legs - 1}`, `qwide-${type}_rmeta_0`, `qwide-${type}`];
  test.each(moments)('a repeated creation succeeds after a cut while %s exists', async (device) => {
    const request = volumeRequest(type, 24 * MiB, { parameters: { pool: 'wide', ...parameters } });
    await slowDown(20);
    const created = outcomeOf(driver.client.controller.createVolume(request));
    await guest().shell(`until [ -e /dev/mapper/${device} ]; do :; done`);
    await cutAndBoot();
    expect((await created).code).toBe('UNAVAILABLE');
    await start();
    const { volume } = await untilDone(() => driver.client.controller.createVolume(request));
    expect((await guest().shell('lvs --noheadings -o lv_name qwide')).trim()).toBe(type);
    expect(await guest().shell('lvs --noheadings -o lv_tags qwide')).not.toContain('creating');
    await driver.client.controller.deleteVolume({ volumeId: volume?.volumeId ?? '' });
    expect(await guest().shell('lvs --noheadings -a qwide')).toBe('');
  });
});

test.each([
  ['a table', '--table "$table"'],
  ['no table', '--notable'],
])('activates a mirrored volume whose activation was cut off when one of its parts had %s', async (_, table) => {
  await slowDown(0);
  const id = await createVolume(driver, 'cut', 8 * MiB, { parameters: { pool: 'wide', mirrors: '1' } });
  await driver.kill();
  await guest().shell(`part=qwide-cut_rmeta_0
    table=$(dmsetup table $part) uuid=$(dmsetup info --columns --noheadings -o uuid $part)
    vgchange -qq -an --config '${stackedOnly}' qwide
    dmsetup create $part --uuid "$uuid" ${table}`);
  const { stderr } = await guest().exec(['vgchange', '-ay', '--config', stackedOnly, 'qwide']);
  expect(stderr).toContain('prohibited while');
  await start();
  expect(await guest().shell('lvs --noheadings -o lv_active qwide/cut')).toMatch(/^\s*active/);
  await driver.client.controller.deleteVolume({ volumeId: id });
  expect(await guest().shell('dmsetup ls')).not.toContain('qwide-');
});
