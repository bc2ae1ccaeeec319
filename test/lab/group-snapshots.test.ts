import { beforeAll, describe, expect, test } from 'vitest';
import { capabilities, createVolume, type Driver, MiB, outcomeOf, startDriver, untilDone } from '../support/driver.ts';
import { GUEST_NODE, useGuest } from '../support/guest.ts';
import { thinPools } from '../support/pools.ts';

const guest = useGuest({ disks: ['2G', '2G', '512M', '256M'] });
const pools = `${thinPools({ overprovision: 4 }, 'a', 'b')}
  - name: c
    volumeGroup: qc
    type: thick
    disks: { paths: ["/dev/ubdc", "/dev/ubdd"] }
    approve: automatic`;

/**
 * A dmsetup that creates /run/reached and runs /run/amid before it goes on, when its words fit the pattern in /run/step. It comes first on the path of the
 * driver's programs.
 */
const steppedDmsetup = `#!/bin/sh
case "$*" in $(cat /run/step 2>/dev/null || echo none)) touch /run/reached; sh /run/amid;; esac
exec /usr/sbin/dmsetup "$@"`;

let driver: Driver;
beforeAll(async () => {
  const install = 'cat > /usr/local/sbin/dmsetup; chmod +x /usr/local/sbin/dmsetup; sync';
  await guest().exec(['sh', '-c', install], { input: steppedDmsetup });
  driver = await startDriver(guest(), { pools, more: 'rescan: 24h\nsnapshots: { pauseLimit: 15s }' });
});

const idOf = (name: string) => `node-1:${name}`;
const target = (name: string) => `/run/stage/${name}`;
const create = (name: string, pool: string, over: object = {}) =>
  createVolume(driver, name, 320 * MiB, { parameters: { pool }, ...over });
const stage = (name: string, volumeCapability: object) =>
  driver.client.node.nodeStageVolume({ volumeId: idOf(name), stagingTargetPath: target(name), volumeCapability });
const takeGroup = async (name: string, ...sources: string[]) =>
  (await driver.client.groupController.createVolumeGroupSnapshot({ name, sourceVolumeIds: sources.map(idOf) }))
    .groupSnapshot;
const getGroup = (groupSnapshotId: string, snapshotIds: string[] = []) =>
  driver.client.groupController.getVolumeGroupSnapshot({ groupSnapshotId, snapshotIds });
const removeGroup = (groupSnapshotId: string, snapshotIds: string[] = []) =>
  driver.client.groupController.deleteVolumeGroupSnapshot({ groupSnapshotId, snapshotIds });
const suspended = async () =>
  (await guest().shell(`dmsetup info -c --noheadings -o name,suspended | grep Suspended || true`)).trim();
const snapshotVolumes = async () =>
  (await guest().shell(`lvs --noheadings -o lv_name -S 'lv_name=~^snap-'`)).trim().split(/\s+/).filter(Boolean);

describe('a group snapshot', () => {
  test('has what was written to a filesystem and a raw block volume of two groups', async () => {
    await create('data', 'a', { volumeCapabilities: [capabilities.ext4] });
    await create('raw', 'b');
    await stage('data', capabilities.ext4);
    await stage('raw', capabilities.block);
    await guest().shell(`
      echo before > ${target('data')}/text; sync
      echo before | dd of=/dev/mapper/qb-raw conv=fsync,notrunc bs=4k status=none`);
    const group = await takeGroup('group-1', 'data', 'raw');
    expect(await suspended()).toBe('');
    expect(group).toMatchObject({ readyToUse: true });
    expect(group?.snapshots.map(({ sourceVolumeId }) => sourceVolumeId).toSorted()).toEqual([
      idOf('data'),
      idOf('raw'),
    ]);
    await guest().shell(`
      echo after > ${target('data')}/text; sync
      echo after_ | dd of=/dev/mapper/qb-raw conv=fsync,notrunc bs=4k status=none`);
    for (const { snapshotId = '', sourceVolumeId = '' } of group?.snapshots ?? []) {
      const name = sourceVolumeId.replace('node-1:', 'from-');
      const pool = sourceVolumeId === idOf('data') ? 'a' : 'b';
      await create(name, pool, { volumeContentSource: { snapshot: { snapshotId } } });
    }
    await stage('from-data', capabilities.ext4);
    await stage('from-raw', capabilities.block);
    expect(await guest().shell(`cat ${target('from-data')}/text; head -c 7 /dev/mapper/qb-from--raw`)).toBe(
      'before\nbefore\n',
    );
    await driver.logged('writes were paused for a group snapshot');
  });
});

describe('calls about group snapshots', () => {
  test('are the same again, and refuse what does not fit', async () => {
    const group = await takeGroup('group-2', 'data', 'raw');
    const id = group?.groupSnapshotId ?? '';
    const members = group?.snapshots.map(({ snapshotId }) => snapshotId) ?? [];
    expect(await takeGroup('group-2', 'raw', 'data')).toEqual(group);
    expect(await outcomeOf(takeGroup('group-2', 'data'))).toMatchObject({ code: 'ALREADY_EXISTS' });
    expect(await outcomeOf(takeGroup('group-3', 'data', 'absent'))).toMatchObject({ code: 'NOT_FOUND' });
    expect((await getGroup(id, members)).groupSnapshot).toEqual(group);
    expect(await outcomeOf(getGroup(id, members.slice(1)))).toMatchObject({ code: 'INVALID_ARGUMENT' });
    const alone = driver.client.controller.deleteSnapshot({ snapshotId: members[0] ?? '' });
    expect(await outcomeOf(alone)).toMatchObject({ code: 'INVALID_ARGUMENT' });
    const { entries } = await driver.client.controller.listSnapshots({ snapshotId: members[0] ?? '' });
    expect(entries?.map(({ snapshot }) => snapshot?.groupSnapshotId)).toEqual([id]);
    expect(await outcomeOf(removeGroup(id, members.slice(1)))).toMatchObject({ code: 'INVALID_ARGUMENT' });
    await removeGroup(id, members);
    await removeGroup(id, members);
    expect(await outcomeOf(getGroup(id))).toMatchObject({ code: 'NOT_FOUND' });
    expect(await snapshotVolumes()).toHaveLength(2);
  });
});

/** Writes n to one file after the other, n = 1, 2, …; each write is on the disk before the next begins. */
const writer = `
  import { constants, openSync, writeSync } from 'node:fs';
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_DSYNC;
  const files = process.argv.slice(2).map((path) => openSync(path, flags));
  const block = Buffer.alloc(4096);
  for (let n = 1; ; n += 1) {
    block.write(String(n).padStart(16, '0'));
    for (const file of files) writeSync(file, block, 0, block.length, 0);
    if (n === 1) console.log('written');
  }`;

/** What the program writes to, in that order: two thin volumes and two thick ones of three groups, a filesystem and a raw block volume of each. */
const written = {
  data: { group: 'qa', file: `${target('data')}/numbers` },
  plain: { group: 'qc', file: `${target('plain')}/numbers` },
  raw: { group: 'qb', file: '/dev/mapper/qb-raw' },
  rough: { group: 'qc', file: '/dev/mapper/qc-rough' },
} as const;
const sources = Object.keys(written) as (keyof typeof written)[];

async function createThick(): Promise<void> {
  const thick = { parameters: { pool: 'c', snapshotSize: '100%' } };
  await createVolume(driver, 'plain', 32 * MiB, { ...thick, volumeCapabilities: [capabilities.ext4] });
  await createVolume(driver, 'rough', 16 * MiB, { parameters: { ...thick.parameters, mirrors: '1' } });
  await stage('plain', capabilities.ext4);
  await stage('rough', capabilities.block);
}

/** The numbers that the members of a group snapshot have. */
async function numbersIn(group: Awaited<ReturnType<typeof takeGroup>>): Promise<number[]> {
  const devices = sources.map((source) => {
    const lv = group?.snapshots.find(({ sourceVolumeId }) => sourceVolumeId === idOf(source))?.snapshotId.split(':')[1];
    return `${written[source].group}/${lv}`;
  });
  const thin = devices.filter((device) => !device.startsWith('qc/')).join(' ');
  const reads = devices.map((device, index) =>
    index < 2
      ? `mount -o ro,noload /dev/${device} /run/member; head -c 16 /run/member/numbers; echo; umount /run/member`
      : `head -c 16 /dev/${device}; echo`,
  );
  const text = await guest().shell(
    ['mkdir -p /run/member', `lvchange -qq -ay -K ${thin}`, ...reads, `lvchange -qq -an ${thin}`].join('\n'),
  );
  return text.trim().split('\n').map(Number);
}

describe('a program that writes alternately to filesystems and raw block volumes, thin and thick', () => {
  test('finds in each group snapshot what a power cut would have left', async () => {
    await createThick();
    const rounds = Number(process.env['GROUP_ROUNDS'] ?? 3);
    await guest().exec(['sh', '-c', 'cat > /run/writer.mjs'], { input: writer });
    const files = sources.map((source) => written[source].file);
    const program = await guest().start([GUEST_NODE, '/run/writer.mjs', ...files]);
    await program.stdout.waitFor('written', 60_000);
    let last = 0;
    for (let round = 0; round < rounds; round += 1) {
      const group = await untilDone(() => takeGroup(`written-${round}`, ...sources.toReversed()));
      const numbers = await numbersIn(group);
      const [first = 0] = numbers;
      // Those after the one that was written last have the number before.
      const whole = numbers.findIndex((number) => number !== first);
      const expected = numbers.map((_, index) => (whole < 0 || index < whole ? first : first - 1));
      expect(numbers, sources.join()).toEqual(expected);
      expect(first).toBeGreaterThan(last);
      last = first;
      await removeGroup(group?.groupSnapshotId ?? '');
    }
    await guest().exec(['kill', '-9', `${program.pid}`]);
    await program.exited;
    const pauses = driver.log().match(/(?<="milliseconds":)\d+(?=,"msg":"writes were paused)/g) ?? [];
    if (process.env['GROUP_ROUNDS']) console.log(`milliseconds of pauses: ${pauses.join(' ')}`);
    expect(driver.log()).not.toContain('overfull');
  });
});

/** Kills the driver and all programs that it has started. Each stops first, so that it starts no other one that would be missed. */
const killAll = () => `
  stopped() { kill -STOP $1; echo $1; for child in $(pgrep -P $1 || true); do stopped $child; done; }
  kill -9 $(stopped ${driver.process().pid}) || true`;

/** Begins a group snapshot, and runs the script as soon as it has reached the step. Only then other programs of the same step go on. The call has no outcome then. */
async function reach(step: string, script = ''): Promise<{ readonly call: Promise<unknown> }> {
  await guest().exec(['sh', '-c', 'rm -f /run/reached; echo sleep 1000 > /run/amid; cat > /run/step'], { input: step });
  const call = outcomeOf(takeGroup('cut', ...sources));
  await guest().shell(
    `until [ -e /run/reached ]; do sleep 0.05; done; ${script}
 rm /run/step`,
    { timeout: 120_000 },
  );
  return { call };
}

/** Starts the driver again. Nothing is left of the group snapshot that was cut off. `kept`: how many snapshots there are else. */
async function expectNothingLeft(kept = 2): Promise<void> {
  await driver.launch();
  await driver.ready();
  expect(await suspended()).toBe('');
  await expect.poll(snapshotVolumes, { timeout: 120_000 }).toHaveLength(kept);
  const { entries } = await driver.client.controller.listSnapshots({});
  expect(entries).toHaveLength(kept);
}

/** The group snapshot that was cut off is taken, and removed. */
async function takeAndRemove(): Promise<void> {
  const group = await untilDone(() => takeGroup('cut', ...sources));
  await removeGroup(group?.groupSnapshotId ?? '');
}

describe('another program', () => {
  test.each([
    ['has cleared the table', 'dmsetup clear $name'],
    ['has begun to use it, so that it has kept a block of an earlier moment', 'dmsetup resume $name'],
  ])('that amid a group snapshot %s of a thick member makes the call fail', async (_, command) => {
    // The table of one member waits, and that of the other is not replaced yet.
    const step = 'message qb-thinpool-tpool 0 delete*';
    const amid = `rm /run/step
      for name in $(/usr/sbin/dmsetup ls | grep -o '^qc-snap[^[:space:]]*' | grep -v 'cow$'); do ${command}; done
      echo other >${target('plain')}/other; sync -f ${target('plain')}`;
    await guest().exec(['sh', '-c', 'cat > /run/amid; echo "$0" > /run/step', step], { input: amid });
    const details = expect.stringContaining('is no blank snapshot');
    expect(await outcomeOf(takeGroup('cut', ...sources))).toMatchObject({ code: 'UNAVAILABLE', details });
    expect(await suspended()).toBe('');
    expect(await snapshotVolumes()).toHaveLength(2);
  });
});

describe('a crash in the taking of a group snapshot', { timeout: 300_000 }, () => {
  const all = /^qa-data:Suspended\nqb-raw:Suspended\nqc-plain:Suspended\nqc-rough:Suspended$/;
  test.each([
    ['before a thick snapshot has lost its exceptions', 'resume --noudevsync qc-snap*', /^qc-snap:Suspended$/],
    ['before the table of a thick snapshot waits', 'reload qc-snap* snapshot *', /^$/],
    ['before the last suspension', 'suspend qc-plain', /^((?!qc-plain).)*$/s],
    ['amid the second copy', 'status qc-snap*', all],
    ['before the third copy', 'message qb-thinpool-tpool 0 create_snap*', all],
    ['before the end of the pause', 'resume --noudevsync q?-[dpr]*', all],
  ])('of the driver with all its programs, %s, leaves nothing suspended, and no member', async (_, step, paused) => {
    const { call } = await reach(step, killAll());
    await driver.process().exited;
    await call;
    expect(
      (await suspended())
        .replace(/--q--[0-9a-f]{40}/, '')
        .split('\n')
        .toSorted()
        .join('\n'),
    ).toMatch(paused);
    await expectNothingLeft();
  });

  test('of the driver alone ends the pause without the driver', async () => {
    const { call } = await reach('status qc-snap*');
    await driver.kill();
    await call;
    await expect.poll(suspended, { timeout: 60_000 }).toBe('');
    await expectNothingLeft();
    await takeAndRemove();
  });

  test.each([
    ['before the table of a thick snapshot waits', 'reload qc-snap* snapshot *'],
    ['before the third copy', 'message qb-thinpool-tpool 0 create_snap*'],
  ])('of the machine, %s, leaves no member, and harms no group snapshot', async (name, step) => {
    const write = (text: string) => `echo ${text} | dd of=/dev/qc/rough conv=fsync,notrunc bs=4k status=none`;
    await guest().shell(`lvchange -qq -ay qc/rough qc/plain; ${write('before')}`);
    const kept = await untilDone(() => takeGroup(`kept ${name}`, 'rough', 'plain'));
    await guest().shell(write('after_'));
    const { call } = await reach(step);
    await guest().powerCut();
    await call;
    await guest().boot();
    await expectNothingLeft(4);
    await takeAndRemove();
    const member = kept?.snapshots.find(({ sourceVolumeId }) => sourceVolumeId === idOf('rough'));
    const device = `/dev/qc/${member?.snapshotId.split(':')[1]}`;
    expect(await guest().shell(`lvchange -qq -ay qc/rough; head -c 7 ${device}; head -c 7 /dev/qc/rough`)).toBe(
      'before\nafter_\n',
    );
    await removeGroup(kept?.groupSnapshotId ?? '');
  });
});
