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

/** Tags of a volume as the driver creates it; LVM commits them with the volume. */
const tags = (name: string) =>
  ['v=1', 'role=volume', `id=node-1:${name}`, `name=${name}`, 'layout=thin', 'fs=none']
    .map((tag) => `--addtag quarry.${tag}`)
    .join(' ');

/**
 * What a power cut leaves between LVM's commit of a new thin volume and its message to the pool: the volume and the message are in the
 * group's metadata, and the kernel's pool has no such device and is one transaction behind.
 */
const commitWithoutMessage = (name: string) =>
  guest().shell(`set -e
lvcreate -qq -an -y -V 16m --thinpool qfast/thinpool -n ${name} ${tags(name)}
vgcfgbackup -qq -f /tmp/with qfast
id=$(lvs --noheadings -o transaction_id qfast/thinpool | tr -d ' ')
lvremove -qq -y qfast/${name}
vgchange -qq -an qfast
sed -e "0,/transaction_id = $id/s//transaction_id = $((id + 2))\\n message1 {\\n create = \\"${name}\\"\\n }/" \\
  -e "s/transaction_id = $((id - 1))$/transaction_id = $((id + 1))/" /tmp/with > /tmp/cut
vgcfgrestore -qq --force -y -f /tmp/cut qfast
sync`);

async function cutPower(then: () => Promise<unknown>): Promise<void> {
  await guest().powerCut();
  await guest().boot();
  await then();
  await driver.launch();
  await driver.ready();
}

describe('a thin volume that LVM committed and did not announce to its pool', () => {
  test('does not keep the pool down, and is there', async () => {
    await cutPower(() => commitWithoutMessage('cut'));
    for (const name of ['first', 'second', 'cut']) expect(await stage(name)).toEqual(ok);
    expect(await create('after', 'fast')).toEqual(ok);
    expect(await lvs('lv_name', 'qfast')).not.toMatch(/scratch/);
  });

  test('is finished when it is first used, where the pool is active already', async () => {
    const others = 'umount /run/stage-first /run/stage-second /run/stage-cut';
    await driver.kill();
    await guest().shell(others);
    await commitWithoutMessage('used');
    // Activated as another program would: all of the group that activates.
    await guest().exec(['vgchange', '-qq', '-ay', 'qfast']);
    await driver.launch();
    await driver.ready();
    expect(await stage('used')).toEqual(ok);
  });
});

test('a volume that does not activate concerns that volume alone', async () => {
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
  const remove = 'vgchange -qq -an qlate; lvremove -qq -y qlate';

  test.each([
    ['after its data', part('thinpool', 'thin-pool', '200m')],
    [
      'before its parts are joined',
      `${part('thinpool', 'thin-pool', '200m')}; ${part('thinpoolm', 'thin-pool-metadata', '32m')}`,
    ],
  ])('%s is finished', async (_when, leave) => {
    await cutPower(() => guest().shell(`${remove}; ${leave}; sync`));
    expect(await lvs('lv_attr,lv_tags', 'qlate/thinpool')).toMatch(/^ *twi\S+ +quarry.role=thin-pool,quarry.v=1 *$/m);
    expect(await create('finished', 'late')).toEqual(ok);
  });

  test('is left alone when a volume has its name and not its tags, and the other pools serve', async () => {
    const theirs = 'lvcreate -qq -y -L 16m -n thinpool qlate; echo theirs > /dev/qlate/thinpool; sync';
    await cutPower(() => guest().shell(`${remove}; ${theirs}`));
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

test('a thin pool that has failed offers nothing and says why', async () => {
  expect(await create('victim', 'other')).toEqual(ok);
  // Its metadata is replaced by a device that answers with errors, which the kernel notices with the next commit.
  const fail = `
table=$(dmsetup table qother-thinpool_tmeta)
dmsetup suspend --noflush qother-thinpool_tmeta
echo "$table" | sed 's/linear.*/error/' | dmsetup load qother-thinpool_tmeta
dmsetup resume qother-thinpool_tmeta
dd if=/dev/zero of=/dev/qother/victim bs=64k count=4 oflag=direct conv=fsync || true`;
  await guest().shell(fail);
  expect(await lvs('lv_health_status', 'qother/thinpool')).toMatch(/failed|metadata_read_only/);
  // LVM refuses it, and the driver reads the state again.
  expect((await create('first-to-notice', 'other')).code).toBe('RESOURCE_EXHAUSTED');
  expect(await create('refused', 'other')).toMatchObject({
    code: 'RESOURCE_EXHAUSTED',
    details: expect.stringMatching(/thin pool qother\/thinpool (?:has failed|.*read-only|needs a check)/),
  });
  const capacity = await driver.client.controller.getCapacity({ parameters: { pool: 'other' } });
  expect(capacity.availableCapacity).toBe('0');
  expect(await create('fine', 'fast')).toEqual(ok);
});
