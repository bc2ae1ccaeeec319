import { beforeAll, expect, test } from 'vitest';
import { capabilities, type Driver, MiB, outcomeOf, startDriver, untilDone } from '../support/driver.ts';
import { useGuest } from '../support/guest.ts';

const guest = useGuest({ disks: ['112M', '112M', '112M', '112M'] });
const pools = `
  - name: slow
    volumeGroup: qslow
    type: thick
    disks: { paths: ["/dev/ubda", "/dev/ubdb"] }
    approve: automatic
  - name: zeroed
    volumeGroup: qzeroed
    type: thick
    zeroOnCreate: true
    disks: { paths: ["/dev/ubdc", "/dev/ubdd"] }
    approve: automatic`;

const size = 32 * MiB;
let driver: Driver;
beforeAll(async () => {
  driver = await startDriver(guest(), { pools, more: 'rescan: 5s\njobs: { eraseRate: 1Mi, copyRate: 8Mi }' });
});

const idOf = (name: string) => `node-1:${name}`;
const create = (name: string, parameters: Record<string, string>) =>
  driver.client.controller.createVolume({
    name,
    parameters: { pool: 'slow', ...parameters },
    volumeCapabilities: [capabilities.block],
    capacityRange: { requiredBytes: `${size}` },
  });
const remove = (name: string) => driver.client.controller.deleteVolume({ volumeId: idOf(name) });
const fill = (lv: string, text: string, megabytes = size / MiB, group = 'qslow') =>
  guest().shell(
    `{ yes ${text} || :; } 2>/dev/null | dd of=/dev/${group}/${lv} bs=1M count=${megabytes} iflag=fullblock oflag=direct status=none`,
  );
/** How many lines with the text are on the disk, wherever they are: read past LVM and past the page cache. */
const linesIn = async (text: string, disk: string) => {
  const read = `dd if=${disk} bs=1M iflag=direct status=none`;
  return Number(await guest().shell(`${read} | tr -d '\\0' | LC_ALL=C grep -acF ${text} || :`));
};
/** The same of all disks. */
const linesWith = async (text: string) => {
  const lines = await Promise.all(
    ['/dev/ubda', '/dev/ubdb', '/dev/ubdc', '/dev/ubdd'].map((disk) => linesIn(text, disk)),
  );
  return lines.reduce((sum, count) => sum + count, 0);
};
const logicalVolumes = async () =>
  (await guest().shell('lvs --noheadings -o lv_name')).trim().split(/\s+/).filter(Boolean);
const erased = () => expect.poll(logicalVolumes, { timeout: 120_000 }).not.toContainEqual(expect.stringMatching(/^q-/));
const capacity = async () =>
  Number((await driver.client.controller.getCapacity({ parameters: { pool: 'slow' } })).availableCapacity);
const setRate = async (rate: string) => {
  await guest().shell(`sed -i 's/eraseRate: [0-9A-Za-z]*/eraseRate: ${rate}/' ${driver.config}; sync`);
};

test('a volume without erase leaves its content on the disks', async () => {
  await create('plain', {});
  await fill('plain', 'plain-text');
  await remove('plain');
  expect(await logicalVolumes()).toEqual([]);
  expect(await linesWith('plain-text')).toBeGreaterThan(100_000);
});

test('a volume with erase "zero" is gone for everybody at once, and erased in the background over a power cut', async () => {
  await create('secret', { erase: 'zero' });
  await fill('secret', 'secret-text');
  const left = await capacity();
  await remove('secret');
  await remove('secret');
  expect((await driver.client.controller.listVolumes({})).entries).toEqual([]);
  const [remains] = await logicalVolumes();
  expect(remains).toMatch(/^q-zero-/);
  await driver.client.controller.createVolume({
    name: 'secret',
    parameters: { pool: 'slow' },
    volumeCapabilities: [capabilities.block],
    capacityRange: { requiredBytes: `${size}` },
  });
  expect(await capacity()).toBe(left - size);
  const shown = async () => JSON.parse((await driver.quarry('jobs', '-o', 'json')).stdout) as object;
  await expect.poll(shown).toMatchObject({ items: [{ kind: 'erase', state: 'running', volume: idOf('secret') }] });
  const tags = () => guest().shell(`lvs --noheadings -o lv_tags qslow/${remains}`);
  await expect.poll(tags).toContain('quarry.erased=');
  await driver.kill();
  await driver.restart();
  const [, done] = /quarry\.erased=(\d+)/.exec(await tags()) ?? [];
  await expect.poll(tags).not.toContain(`quarry.erased=${done}`);
  await setRate('1Gi');
  await driver.powerCut();
  await erased();
  expect(await linesWith('secret-text')).toBe(0);
  expect(await logicalVolumes()).toEqual(['secret']);
  await remove('secret');
});

test('a volume with erase "discard" is discarded, and a mirrored one is erased on both disks', async () => {
  await create('thrown', { erase: 'discard' });
  await create('twice', { erase: 'zero', mirrors: '1' });
  await fill('thrown', 'thrown-text');
  await fill('twice', 'twice-text');
  await remove('thrown');
  await remove('twice');
  await erased();
  expect(await linesWith('thrown-text')).toBe(0);
  expect(await linesWith('twice-text')).toBe(0);
});

test('a snapshot is erased as its volume is', async () => {
  await create('origin', { erase: 'zero' });
  await fill('origin', 'before-text', 4);
  await driver.client.controller.createSnapshot({ name: 'snapshot-kept', sourceVolumeId: idOf('origin') });
  await fill('origin', 'after-text', 4);
  expect(await linesWith('before-text')).toBeGreaterThan(0);
  await driver.client.controller.deleteSnapshot({ snapshotId: idOf('snap-kept') });
  await remove('origin');
  await erased();
  expect(await linesWith('before-text')).toBe(0);
  expect(await linesWith('after-text')).toBe(0);
});

test('a new volume of a pool with zeroOnCreate shows nothing of a former one, and is not handed out before, over a power cut', async () => {
  const make = (name: string) => create(name, { pool: 'zeroed' });
  await untilDone(() => make('former'));
  await fill('former', 'former-text', size / MiB, 'qzeroed');
  await remove('former');
  expect(await linesWith('former-text')).toBeGreaterThan(100_000);
  const cut = outcomeOf(make('next'));
  const tags = () => guest().shell('lvs --noheadings -o lv_tags qzeroed');
  await expect.poll(tags).toContain('quarry.copied=');
  const capability = { volumeCapability: capabilities.block, stagingTargetPath: '/run/next' };
  const stage = () => driver.client.node.nodeStageVolume({ volumeId: idOf('next'), ...capability });
  expect(await outcomeOf(stage())).toMatchObject({ code: 'ABORTED' });
  await driver.powerCut();
  await cut;
  await untilDone(() => make('next'));
  expect(await linesWith('former-text')).toBe(0);
  await stage();
  expect(await guest().shell(`cmp --bytes ${size} /dev/qzeroed/next /dev/zero`)).toBe('');
}, 300_000);

test('a raw block volume of such a pool grows by room that shows nothing of a former volume, over a power cut', async () => {
  await untilDone(() => create('other', { pool: 'zeroed' }));
  await fill('other', 'other-text', size / MiB, 'qzeroed');
  await remove('other');
  const next = { volumeId: idOf('next'), volumeCapability: capabilities.block };
  const capacityRange = { requiredBytes: `${2 * size}` };
  const grow = () => driver.client.controller.controllerExpandVolume({ ...next, capacityRange });
  const cut = outcomeOf(grow());
  await expect.poll(() => guest().shell('lvs --noheadings -o lv_tags qzeroed')).toContain('quarry.zeroed=');
  const sizeOf = async () => Number(await guest().shell('blockdev --getsize64 /dev/qzeroed/next'));
  expect(await sizeOf()).toBe(size);
  await driver.powerCut();
  await cut;
  await untilDone(grow);
  expect(await logicalVolumes()).toEqual(['next']);
  expect(await linesWith('other-text')).toBe(0);
  await driver.client.node.nodeStageVolume({ ...next, stagingTargetPath: '/run/next' });
  expect(await sizeOf()).toBe(2 * size);
  expect(await guest().shell(`cmp --bytes ${2 * size} /dev/qzeroed/next /dev/zero`)).toBe('');
}, 300_000);

test('a striped and a mirrored raw block volume of such a pool grow by room that shows nothing either', async () => {
  await driver.client.node.nodeUnstageVolume({ volumeId: idOf('next'), stagingTargetPath: '/run/next' });
  await remove('next');
  for (const disk of ['/dev/ubdc', '/dev/ubdd']) {
    await guest().shell(`lvcreate -qq -y -L 76m -n old qzeroed ${disk}`);
    await fill('old', 'old-text', 76, 'qzeroed');
    await guest().shell('lvremove -qq -y --config devices/issue_discards=0 qzeroed/old');
  }
  for (const [name, layout] of [
    ['striped', { stripes: '2' }],
    ['mirrored', { mirrors: '1' }],
  ] as const) {
    await untilDone(() => create(name, { pool: 'zeroed', ...layout }));
    const capacityRange = { requiredBytes: `${size + 16 * MiB}` };
    const grow = () => driver.client.controller.controllerExpandVolume({ volumeId: idOf(name), capacityRange });
    expect((await untilDone(grow)).capacityBytes).toBe(String(size + 16 * MiB));
    const images = "dmsetup ls | sed -n 's/^\\(qzeroed-[a-z]*_rimage_[01]\\).*/\\/dev\\/mapper\\/\\1/p'";
    await guest().shell(
      `for device in /dev/qzeroed/${name} $(${images}); do cmp --bytes ${size + 16 * MiB} $device /dev/zero; done`,
    );
    expect(await linesWith('old-text')).toBeGreaterThan(1000);
    await remove(name);
  }
}, 300_000);

// A busy machine takes a minute for the cuts.
test('a disk is erased before it leaves its group, over a kill and a power cut', { timeout: 300_000 }, async () => {
  await create('moved', {});
  await fill('moved', 'moved-text');
  const disk = (await guest().shell('lvs --noheadings -o devices qslow/moved')).trim().replace(/\(.*/s, '');
  await setRate('4Mi');
  await driver.restart();
  expect(await linesIn('moved-text', disk)).toBeGreaterThan(1000);
  const evacuate = await driver.quarry('disks', 'evacuate', disk, '--remove', '--erase', 'zero');
  expect(evacuate).toMatchObject({ exitCode: 0 });
  const tags = () => guest().shell("lvs --noheadings -o lv_tags -S 'lv_name=~^q-zero' qslow");
  await expect.poll(tags, { timeout: 60_000 }).toContain('quarry.erased=');
  await driver.restart();
  const [, done] = /quarry\.erased=(\d+)/.exec(await tags()) ?? [];
  await expect.poll(tags).not.toContain(`quarry.erased=${done}`);
  await setRate('1Gi');
  await driver.powerCut();
  await leftAlone(disk, 'moved-text');
  expect(await logicalVolumes()).toContain('moved');
});

test('a disk that is removed, and one that is replaced, has nothing of its content when it has left its group', async () => {
  const disks = ['/dev/ubda', '/dev/ubdb'];
  const [full = ''] = (await guest().shell('lvs --noheadings -o devices qslow/moved')).trim().split('(');
  const empty = disks.find((disk) => disk !== full) ?? '';
  const quarry = async (...words: string[]) => {
    expect(await driver.quarry(...words)).toMatchObject({ exitCode: 0 });
  };
  await quarry('disks', 'approve', empty);
  await guest().shell(`lvcreate -qq -y -L ${size}b -n deleted qslow ${empty}`);
  await fill('deleted', 'deleted-text');
  await guest().shell('lvremove -qq -y --config devices/issue_discards=0 qslow/deleted');
  expect(await linesIn('deleted-text', empty)).toBeGreaterThan(1000);
  await quarry('disks', 'remove', empty, '--erase', 'discard');
  await leftAlone(empty, 'deleted-text');
  expect(await linesIn('moved-text', full)).toBeGreaterThan(1000);
  await quarry('disks', 'replace', full, empty, '--erase', 'zero');
  await leftAlone(full, 'moved-text');
  expect(await linesIn('moved-text', empty)).toBeGreaterThan(1000);
  expect(await logicalVolumes()).toContain('moved');
}, 300_000);

/** The disk leaves its group, which keeps one other. Its label and mark stay, so that it is taken again only by its name, and none of the text. */
async function leftAlone(disk: string, text: string): Promise<void> {
  const members = () => guest().shell("pvs --noheadings -o pv_name -S 'vg_name=qslow'");
  const others = ['/dev/ubda', '/dev/ubdb'].filter((one) => one !== disk);
  await expect.poll(async () => (await members()).trim(), { timeout: 120_000 }).toBe(others.join());
  expect(await linesIn(text, disk)).toBe(0);
  expect((await driver.quarry('disks')).stdout).toMatch(new RegExp(`^${disk} .* returned`, 'm'));
}
