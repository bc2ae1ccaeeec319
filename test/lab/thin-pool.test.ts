import { beforeAll, describe, expect, test } from 'vitest';
import { capabilities, createVolume, type Driver, MiB, outcomeOf, startDriver } from '../support/driver.ts';
import { useGuest } from '../support/guest.ts';

const guest = useGuest({ disks: ['1G', '512M', '256M'] });
const thin = (name: string, disk: string) => `
  - name: ${name}
    volumeGroup: q${name}
    type: thin
    disks: { paths: ["/dev/${disk}"] }
    approve: automatic
    thin: { share: 50%, overprovision: 10 }`;
const pools = `${thin('fast', 'ubda')}${thin('late', 'ubdb')}${thin('other', 'ubdc')}`;

let driver: Driver;
beforeAll(async () => {
  driver = await startDriver(guest(), { pools, more: 'rescan: 24h' });
  for (const name of ['first', 'second']) await createVolume(driver, name, 16 * MiB);
});

const stage = (name: string) =>
  outcomeOf(
    driver.client.node.nodeStageVolume({
      volumeId: `node-1:${name}`,
      stagingTargetPath: `/run/stage-${name}`,
      volumeCapability: capabilities.ext4,
    }),
  );
const create = (name: string, pool: string) =>
  outcomeOf(createVolume(driver, name, 16 * MiB, { parameters: { pool } }));
const ok = { code: 'OK', details: '' };
const lvs = (fields: string, group: string) => guest().shell(`lvs --noheadings -o ${fields} ${group}`);

/** The tags of a volume that the driver creates; LVM commits them with the volume. */
const tags = (name: string) =>
  ['v=1', 'role=volume', `id=node-1:${name}`, `name=${name}`, 'layout=thin', 'fs=none']
    .map((tag) => `--addtag quarry.${tag}`)
    .join(' ');

/**
 * The state after a power cut between LVM's commit of a new thin volume and its message to the pool: the group's metadata has the volume
 * and the message, but the kernel's pool has no such device and is one transaction behind.
 */
const commitWithoutMessage = (name: string, shape = '-V 16m --thinpool qfast/thinpool') =>
  guest().shell(`set -e
lvcreate -qq -an -y ${shape} -n ${name} ${tags(name)}
vgcfgbackup -qq -f /tmp/with qfast
id=$(lvs --noheadings -o transaction_id qfast/thinpool | tr -d ' ')
lvremove -qq -y qfast/${name}
vgchange -qq -an qfast
sed -e "0,/transaction_id = $id/s//transaction_id = $((id + 2))\\n message1 {\\n create = \\"${name}\\"\\n }/" \\
  -e "s/transaction_id = $((id - 1))$/transaction_id = $((id + 1))/" /tmp/with > /tmp/cut
vgcfgrestore -qq --force -y -f /tmp/cut qfast
sync`);

const remove = (name: string) => outcomeOf(driver.client.controller.deleteVolume({ volumeId: `node-1:${name}` }));

async function cutPower(then: () => Promise<unknown>): Promise<void> {
  await guest().powerCut();
  await guest().boot();
  await then();
  await driver.launch();
  await driver.ready();
}

describe('a thin volume that LVM committed without a message to its pool', () => {
  test('does not keep the pool from being served, and can be used', async () => {
    await cutPower(() => commitWithoutMessage('cut'));
    for (const name of ['first', 'second', 'cut']) expect(await stage(name)).toEqual(ok);
    expect(await create('after', 'fast')).toEqual(ok);
    expect(await lvs('lv_name', 'qfast')).not.toMatch(/q-message/);
  });

  test('is finished at its first use if the pool is already active', async () => {
    const others = 'umount /run/stage-first /run/stage-second /run/stage-cut';
    await driver.kill();
    await guest().shell(others);
    await commitWithoutMessage('used');
    // Another program activates everything in the group that it can.
    await guest().exec(['vgchange', '-qq', '-ay', 'qfast']);
    await driver.launch();
    await driver.ready();
    expect(await stage('used')).toEqual(ok);
  });
});

describe('a thin snapshot that the kernel has, in a transaction that was cut off', () => {
  /** The state after a power cut between LVM's two messages to the pool, and what LVM says then. */
  const leaveTransaction = (name: string) =>
    commitWithoutMessage(name, '-s qfast/first').then(() =>
      guest().shell(`set -e
vgchange -qq -ay qfast
id() { lvs --noheadings -o thin_id "qfast/$1" | tr -d ' '; }
dmsetup message qfast-thinpool-tpool 0 "create_snap $(id ${name}) $(id first)"
! lvcreate -y -V 4m --thinpool qfast/thinpool -n refused 2>&1`),
    );

  test('does not keep the pool from changes', async () => {
    await guest().shell('umount /run/stage-* || true');
    await cutPower(async () => expect(await leaveTransaction('snapped')).toMatch(/already contain thin device/));
    expect(await create('after-snapshot', 'fast')).toEqual(ok);
    expect(driver.log()).toMatch(/the transaction of a thin snapshot that was cut off is ended/);
    expect(await remove('snapped')).toEqual(ok);
  });

  test('does not keep it from them if the first is a removal', async () => {
    await cutPower(async () => expect(await leaveTransaction('snapped-too')).toMatch(/already contain thin device/));
    for (const name of ['after-snapshot', 'snapped-too']) expect(await remove(name)).toEqual(ok);
  });
});

describe('a message to a thin pool that LVM did not note as sent', () => {
  /** The state after a power cut between the end of the kernel's transaction and LVM's last commit of a removal. */
  const removeWithoutLastCommit = (name: string) =>
    guest().shell(`set -e
id=$(lvs --noheadings -o thin_id qfast/${name} | tr -d ' ')
lvremove -qq -y qfast/${name}
vgcfgbackup -qq -f /tmp/without qfast
vgchange -qq -an qfast
sed "0,/zero_new_blocks = 1/s//&\\n message1 {\\n delete = $id\\n }/" /tmp/without > /tmp/cut
vgcfgrestore -qq --force -y -f /tmp/cut qfast
sync`);
  const devices = () =>
    guest().shell(`dmsetup message qfast-thinpool-tpool 0 reserve_metadata_snap
thin_ls --metadata-snap --no-headers -o DEV /dev/mapper/qfast-thinpool_tmeta
dmsetup message qfast-thinpool-tpool 0 release_metadata_snap`);

  test('does not keep the next removal from the pool, which would have the device and its blocks for good', async () => {
    for (const name of ['told', 'untold']) expect(await create(name, 'fast')).toEqual(ok);
    const id = (await lvs('thin_id', 'qfast/untold')).trim();
    await guest().shell('umount /run/stage-* || true');
    await cutPower(() => removeWithoutLastCommit('told'));
    expect((await devices()).split(/\s+/)).toContain(id);
    expect(await remove('untold')).toEqual(ok);
    expect((await devices()).split(/\s+/)).not.toContain(id);
    expect(driver.log()).toMatch(/messages to a thin pool that a cut-off change left are ended/);
  });

  test('does not either if another program left it while the driver ran', async () => {
    for (const name of ['told-late', 'untold-late']) expect(await create(name, 'fast')).toEqual(ok);
    // The driver looks for messages before this removal, and finds none.
    expect(await remove('told-late')).toEqual(ok);
    const id = (await lvs('thin_id', 'qfast/untold-late')).trim();
    expect(await create('told-late', 'fast')).toEqual(ok);
    await guest().shell('umount /run/stage-* || true');
    await removeWithoutLastCommit('told-late');
    await guest().shell('vgchange -qq -ay qfast');
    // Of a disk that is a member, this is only a look.
    expect(await driver.quarry('disks', 'approve', '/dev/ubda')).toMatchObject({ exitCode: 0 });
    expect(await remove('untold-late')).toEqual(ok);
    expect((await devices()).split(/\s+/)).not.toContain(id);
  });

  test('may have left a device without a volume before, which an administrator deletes as the guide says', async () => {
    await guest().shell(`dmsetup message qfast-thinpool-tpool 0 'create_thin 7777'`);
    expect((await devices()).split(/\s+/)).toContain('7777');
    await guest().shell(`dmsetup message qfast-thinpool-tpool 0 'delete 7777'`);
    expect((await devices()).split(/\s+/)).not.toContain('7777');
    expect(await create('after-leftover', 'fast')).toEqual(ok);
  });
});

test('serves all other volumes if one does not activate', async () => {
  // A device of that name that LVM did not create.
  const rival = "dmsetup create qfast-second --table '0 8 zero'";
  await cutPower(() => guest().shell(rival));
  expect(driver.log()).toMatch(/"pool":"fast".*second not active.*"msg":"the pool serves, but not all/);
  expect(await stage('first')).toEqual(ok);
  expect(await create('beside', 'fast')).toEqual(ok);
  await guest().shell('dmsetup remove qfast-second');
  expect(await stage('second')).toEqual(ok);
});

describe('a thin pool whose creation was cut off', () => {
  const part = (lv: string, role: string, size: string) =>
    `lvcreate -qq -y -L ${size} -n ${lv} --addtag quarry.v=1 --addtag quarry.role=${role} qlate`;
  const removeParts = 'vgchange -qq -an qlate; lvremove -qq -y qlate';

  test.each([
    ['after the creation of its data', part('thinpool', 'thin-pool', '200m')],
    [
      'before the join of its parts',
      `${part('thinpool', 'thin-pool', '200m')}; ${part('thinpoolm', 'thin-pool-metadata', '32m')}`,
    ],
  ])('is finished after a cut %s', async (_when, leave) => {
    await cutPower(() => guest().shell(`${removeParts}; ${leave}; sync`));
    expect(await lvs('lv_attr,lv_tags', 'qlate/thinpool')).toMatch(/^ *twi\S+ +quarry.role=thin-pool,quarry.v=1 *$/m);
    expect(await create('finished', 'late')).toEqual(ok);
  });

  test('is left alone if a volume has its name without its tags, and the other pools serve', async () => {
    const theirs = 'lvcreate -qq -y -L 16m -n thinpool qlate; echo theirs > /dev/qlate/thinpool; sync';
    await cutPower(() => guest().shell(`${removeParts}; ${theirs}`));
    expect(await create('none', 'late')).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      details: expect.stringMatching(/qlate\/thinpool.*not created by Quarry: rename or remove it/),
    });
    expect(await create('elsewhere', 'other')).toEqual(ok);
    expect(await guest().shell('head -c 6 /dev/qlate/thinpool')).toBe('theirs');
    await guest().shell('lvrename -qq qlate thinpool mine');
    await driver.restart();
    expect(await create('now', 'late')).toEqual(ok);
  });
});

test('a new thin volume shows nothing of a deleted one, also in a pool that did not write zeros when the driver came', async () => {
  await driver.kill();
  await guest().shell('lvchange -qq -Z n qother/thinpool');
  await driver.launch();
  await driver.ready();
  await expect.poll(() => lvs('lv_attr', 'qother/thinpool')).toMatch(/^ *twi.{4}z/);
  const pool = await guest().shell('lvs --noheadings --units m --nosuffix -o lv_size qother/thinpool');
  // More than half of the pool: the second volume gets blocks of the first one.
  const megabytes = Math.floor((Number(pool) * 0.7) / 4) * 4;
  const make = (name: string) => createVolume(driver, name, megabytes * MiB, { parameters: { pool: 'other' } });
  await make('former');
  await guest().shell(`{ yes former-text || :; } 2>/dev/null |
    dd of=/dev/qother/former bs=1M count=${megabytes} iflag=fullblock oflag=direct status=none`);
  await driver.client.controller.deleteVolume({ volumeId: 'node-1:former' });
  await make('latter');
  // A sector of each block: the rest of a block would show what it held before.
  await guest().shell(`for ((block = 0; block < ${megabytes * 16}; block++)); do
    printf '%512s' '' | dd of=/dev/qother/latter bs=512 seek=$((block * 128)) conv=notrunc status=none; done; sync`);
  expect(await guest().shell('dd if=/dev/qother/latter bs=1M iflag=direct status=none | grep -acF former || :')).toBe(
    '0\n',
  );
  await driver.client.controller.deleteVolume({ volumeId: 'node-1:latter' });
});

test('offers no capacity for a failed thin pool, and says why', async () => {
  expect(await create('victim', 'other')).toEqual(ok);
  // Replaces its metadata by a device that returns errors, which the kernel detects at the next commit.
  const fail = `
table=$(dmsetup table qother-thinpool_tmeta)
dmsetup suspend --noflush qother-thinpool_tmeta
echo "$table" | sed 's/linear.*/error/' | dmsetup load qother-thinpool_tmeta
dmsetup resume qother-thinpool_tmeta
dd if=/dev/zero of=/dev/qother/victim bs=64k count=4 oflag=direct conv=fsync || true`;
  await guest().shell(fail);
  expect(await lvs('lv_health_status', 'qother/thinpool')).toMatch(/failed|metadata_read_only/);
  // LVM refuses the creation, and the driver reads LVM's state again.
  expect((await create('first-to-notice', 'other')).code).toBe('RESOURCE_EXHAUSTED');
  expect(await create('refused', 'other')).toMatchObject({
    code: 'RESOURCE_EXHAUSTED',
    details: expect.stringMatching(/thin pool qother\/thinpool (?:has failed|.*read-only|needs a check)/),
  });
  const capacity = await driver.client.controller.getCapacity({ parameters: { pool: 'other' } });
  expect(capacity.availableCapacity).toBe('0');
  expect(await create('fine', 'fast')).toEqual(ok);
});
