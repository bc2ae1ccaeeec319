import { beforeAll, describe, expect, test } from 'vitest';
import {
  capabilities,
  createVolume,
  type Driver,
  MiB,
  outcomeOf,
  prepareDriver,
  startDriver,
} from '../support/driver.ts';
import { GUEST_NODE, useGuest } from '../support/guest.ts';

// Two disks to approve, one taken automatically, eight that are not blank, two of an adopted group, one whose taking was interrupted,
// one behind a filter.
const guest = useGuest({
  disks: ['256M', '256M', '512M', ...Array<string>(8).fill('64M'), '64M', '64M', '128M', '128M'],
});

const rule = (paths: string, approve: string) => `disks: { paths: [${paths}] }, approve: ${approve}`;
const pools = `
  - { name: manual, volumeGroup: qmanual, type: thick, ${rule('"/dev/ubd[ab]"', 'manual')} }
  - name: automatic
    volumeGroup: qauto
    type: thin
    disks: { paths: [/dev/ubdc, /dev/ubdp] }
    approve: automatic
    thin: { share: 60%, overprovision: 1 }
  - { name: refused, volumeGroup: qrefused, type: thick, ${rule('"/dev/ubd[d-k]"', 'automatic')} }
  - { name: adopted, volumeGroup: theirs, type: thick }
  - { name: marked, volumeGroup: qmarked, type: thick, ${rule('/dev/ubdn', 'manual')} }`;

const notBlank = `
parted -s /dev/ubdd mklabel gpt mkpart one 1MiB 10MiB
mkfs.ext4 -q /dev/ubde
mkfs.ext4 -q /dev/ubdf && mkdir -p /mnt/f && mount -o ro /dev/ubdf /mnt/f
mkswap -q /dev/ubdg && swapon /dev/ubdg
vgcreate -qq foreign /dev/ubdh
echo x | dd of=/dev/ubdi bs=1 seek=$((64 * 1024 * 1024 - 2)) conv=notrunc status=none
dmsetup create holder --table '0 1000 linear /dev/ubdj 0'
dd if=/dev/urandom of=/dev/ubdk bs=512 count=1 seek=7 conv=notrunc status=none
vgcreate -qq theirs /dev/ubdl
pvcreate -qq -y --norestorefile --uuid quarry-AAAA-BBBB-CCCC-DDDD-EEEE-FFFFFF --metadatasize 32m /dev/ubdn
sync`;

let driver: Driver;
let sums: string;
const checksums = () => guest().shell('sha256sum /dev/ubd[defghijk]');

beforeAll(async () => {
  await guest().shell(notBlank);
  sums = await checksums();
  driver = await startDriver(guest(), { pools, more: 'rescan: 24h\nmetrics: { listen: 127.0.0.1:9809 }' });
  rows = await disks();
});

/** The rows of `quarry disks` by device. */
async function disks(from = driver): Promise<Map<string, string>> {
  const { stdout } = await from.quarry('disks');
  return new Map(stdout.split('\n').map((line) => [line.split(' ')[0] ?? '', line]));
}

let rows: Map<string, string>;

async function metrics(): Promise<string> {
  return guest().shell(
    `${GUEST_NODE} -e "fetch('http://127.0.0.1:9809/metrics').then(r => r.text()).then(console.log)"`,
  );
}

async function vg(fields: string, group: string): Promise<string> {
  return (await guest().shell(`vgs --noheadings -o ${fields} ${group}`)).trim();
}

describe('taking disks', () => {
  test('proposes a disk, and takes it after an approval by hand', async () => {
    expect(driver.log()).toMatch(/"pool":"manual","device":"\/dev\/ubda".*"msg":"disk proposed"/);
    expect(rows.get('/dev/ubda')).toMatch(/manual +proposed/);
    expect(await metrics()).toMatch(/quarry_disks\{pool="manual",verdict="proposed"\} 2/);
    const request = createVolume(driver, 'early', MiB, { parameters: { pool: 'manual' } });
    expect((await outcomeOf(request)).code).toBe('RESOURCE_EXHAUSTED');
    expect((await guest().exec(['vgs', 'qmanual'])).exitCode).toBe(5);

    const approved = await driver.quarry('disks', 'approve', '/dev/ubda');
    expect(approved).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/ubda +256 MiB +manual +member/) });
    expect(approved.stdout).toMatch(/ubdb +256 MiB +manual +proposed/);
    expect(await vg('vg_tags,pv_count', 'qmanual')).toMatch(/^quarry\.node=node-1,quarry\.pool=manual,quarry\.v=1 +1$/);
    expect(await guest().shell('pvs --noheadings -o pv_uuid /dev/ubda')).toMatch(/^ *quarry-/);

    // The driver looks again after a day, or when it is asked.
    await createVolume(driver, 'early', MiB, { parameters: { pool: 'manual' } });

    expect(await driver.quarry('disks', 'approve')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('name the disks to take, or give --all'),
    });
    expect(await vg('pv_count', 'qmanual')).toBe('1');
    expect((await driver.quarry('disks', 'approve', '--all')).exitCode).toBe(0);
    expect(await vg('pv_count', 'qmanual')).toBe('2');
  });

  test('takes a disk at once with automatic approval, with metadata space for thousands of volumes', async () => {
    expect(driver.log()).toMatch(/"device":"\/dev\/ubdc".*"msg":"disk taken"/);
    expect(await vg('vg_mda_size', 'qauto --units m --nosuffix')).toMatch(/^3\d\./);
    await createVolume(driver, 'thin', 32 * MiB, { parameters: { pool: 'automatic' } });
  });

  test.each([
    ['a partition table', 'ubdd', /gpt.*|partitions/],
    ['a filesystem', 'ubde', /blkid sees .*ext4.*wipefs sees .*ext4/],
    ['a mounted filesystem', 'ubdf', /it is mounted at \/mnt\/f.*ext4/],
    ['swap', 'ubdg', /it is in use as swap.*swap/],
    ['a volume group of others', 'ubdh', /it belongs to the volume group foreign/],
    ['data at its end', 'ubdi', /last MiB/],
    ['a holder', 'ubdj', /it is held by dm-/],
    ['data at its start', 'ubdk', /first MiB/],
  ])('refuses a disk with %s, says why and leaves it alone', async (_what, name, finding) => {
    expect(rows.get(`/dev/${name}`)).toMatch(/refused +.+/);
    expect(rows.get(`/dev/${name}`)).toMatch(finding);
    expect(driver.log()).toMatch(new RegExp(`"device":"/dev/${name}".*"findings":\\[".*"msg":"disk refused"`));
  });

  test('does not let a refused disk be approved', async () => {
    const approved = await driver.quarry('disks', 'approve', '/dev/ubdj');
    expect(approved).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/cannot be approved: it is held by dm-/),
    });
  });

  test('leaves refused disks unchanged, and creates no group for their pool', async () => {
    expect(await checksums()).toBe(sums);
    expect((await guest().exec(['vgs', 'qrefused'])).exitCode).toBe(5);
    expect(await metrics()).toMatch(/quarry_disks\{pool="refused",verdict="refused"\} 8/);
  });

  test('takes a disk whose taking was cut off after its mark', async () => {
    expect(await vg('pv_name', 'qmarked')).toBe('/dev/ubdn');
    await createVolume(driver, 'marked', 8 * MiB, { parameters: { pool: 'marked' } });
  });

  test('extends a pool and its thin pool with a disk that is added later', async () => {
    const capacity = async () => {
      const { maximumVolumeSize } = await driver.client.controller.getCapacity({ parameters: { pool: 'automatic' } });
      return Number(maximumVolumeSize?.value);
    };
    const before = await capacity();
    expect(await guest().addDisk('512M')).toBe('/dev/ubdp');
    driver.process().kill('SIGHUP');
    await driver.logged(/"device":"\/dev\/ubdp".*"msg":"disk taken"/);
    const until = 'until [ $(lvs --noheadings --units m --nosuffix -o lv_size qauto/thinpool | cut -d. -f1) -gt 400 ]';
    await guest().shell(`${until}; do sleep 0.1; done`);
    await outcomeOf(driver.client.controller.controllerGetVolume({ volumeId: 'node-1:none' }));
    expect(await capacity()).toBeGreaterThan(before + 200 * MiB);
  });
});

test('adopts a group by its name, and never extends it', async () => {
  const id = await createVolume(driver, 'guest', 8 * MiB, { parameters: { pool: 'adopted' } });
  expect(await guest().shell('lvs --noheadings -o lv_tags theirs/guest')).toContain(`quarry.id=${id}`);
  expect(await vg('pv_count,vg_tags', 'theirs')).toBe('1');
  expect((await guest().exec(['pvs', '/dev/ubdm'])).exitCode).toBe(5);
});

test('retries a thin pool whose check fails once, and serves it', async () => {
  const { volumeId, ...volume } = { volumeId: 'node-1:thin', volumeCapability: capabilities.block };
  await driver.kill();
  await guest().shell(`cp /etc/lvm/lvmlocal.conf /root/lvmlocal.conf; vgchange -qq -an qauto
    echo 'global { thin_check_executable = "/root/check" }' >>/etc/lvm/lvmlocal.conf; touch /root/fail
    printf '#!/bin/sh\nrm /root/fail 2>/dev/null && exit 64\nexec /usr/sbin/thin_check "$@"\n' >/root/check; chmod +x /root/check`);
  await driver.launch();
  await driver.logged(/"pool":"automatic","reason":".*Check of pool.*status:64.*"msg":"the pool cannot serve"/);
  await driver.logged(/"pool":"automatic","msg":"the pool is in order again"/);
  await driver.ready();
  const stage = { volumeId, stagingTargetPath: '/root/staging', ...volume };
  await driver.client.node.nodeStageVolume(stage);
  await driver.client.node.nodePublishVolume({ ...stage, targetPath: '/root/published' });
  await guest().shell('dd if=/root/published of=/dev/null bs=1M status=none; cp /root/lvmlocal.conf /etc/lvm/');
  await driver.client.node.nodeUnpublishVolume({ volumeId, targetPath: '/root/published' });
  await driver.client.node.nodeUnstageVolume({ volumeId, stagingTargetPath: '/root/staging' });
});

test('serves on a host whose LVM has a devices file and refuses every disk', async () => {
  await driver.kill();
  await guest().shell(`cp /etc/lvm/lvmlocal.conf /root/lvmlocal.conf
    mkdir -p /etc/lvm/devices; touch /etc/lvm/devices/system.devices
    sed -i 's/use_devicesfile = 0/use_devicesfile = 1\\n\\tglobal_filter = [ "r|.*|" ]/' /etc/lvm/lvmlocal.conf`);
  const hidden = `\n  - { name: hidden, volumeGroup: qhidden, type: thick, ${rule('/dev/ubdo', 'automatic')} }`;
  await using other = await startDriver(guest(), { pools: hidden, name: 'filtered' });
  const request = { parameters: { pool: 'hidden' } };
  await createVolume(other, 'seen', 8 * MiB, request);
  expect((await guest().exec(['vgs', 'qhidden'])).exitCode).toBe(5);
  expect((await disks(other)).get('/dev/ubdo')).toMatch(/member/);
  await other.restart();
  expect((await other.client.controller.listVolumes({})).entries).toHaveLength(1);
  await guest().shell('cp /root/lvmlocal.conf /etc/lvm/lvmlocal.conf; rm -r /etc/lvm/devices; vgs qhidden');
});

describe('a missing volume group', () => {
  const [own, other, blank] = ['/dev/loop1', '/dev/loop2', '/dev/loop3'] as const;
  const attach = (loop: string) =>
    guest().shell(`modprobe loop; file=/root/$(basename ${loop}); truncate -s 64M $file; losetup ${loop} $file`);
  const uuids = async () => (await guest().shell('vgs --noheadings -o vg_uuid -S vg_name=qaway')).trim().split(/\s+/);
  const code = async (call: Promise<unknown>) => (await outcomeOf(call)).code;
  const pool = `
  - { name: away, volumeGroup: qaway, type: thick, ${rule(`${own}, ${other}, ${blank}`, 'automatic')} }
  - { name: unused, volumeGroup: qunused, type: thick, ${rule('/dev/none', 'automatic')} }`;

  test('makes its volumes unavailable, and is not replaced by a new group or another one of its name', async () => {
    await attach(own);
    await using away = await startDriver(guest(), {
      pools: pool,
      name: 'away',
      more: 'rescan: 24h\nlvm: { directory: /run/away/lvm }',
    });
    const { controller } = away.client;
    const topology = [{ segments: { 'topology.lvm.quarry.csi/node': 'node-1' } }];
    const request = { parameters: { pool: 'away' }, accessibilityRequirements: { requisite: topology } };
    const volumeId = await createVolume(away, 'kept', 8 * MiB, request);
    const [uuid = ''] = await uuids();

    await away.kill();
    await guest().shell(`vgchange -qq -an qaway; losetup -d ${own}`);
    await attach(blank);
    await attach(other);
    await away.launch();
    await away.ready();
    const row = async (device: string) => (await disks(away)).get(device);
    expect(await row(blank)).toMatch(new RegExp(`refused.*nothing is taken.*qaway \\(UUID ${uuid}, of node node-1\\)`));
    const capacityRange = { requiredBytes: `${16 * MiB}` };
    expect(await code(controller.deleteVolume({ volumeId }))).toBe('UNAVAILABLE');
    expect(await code(controller.controllerExpandVolume({ volumeId, capacityRange }))).toBe('UNAVAILABLE');
    expect(await code(createVolume(away, 'kept', 8 * MiB, request))).toBe('UNAVAILABLE');
    expect((await away.quarry('disks', 'approve', blank)).stderr).toContain(uuid);
    expect((await guest().exec(['vgs', 'qaway'])).exitCode).toBe(5);

    await guest().shell(`vgcreate -qq qaway ${other}`);
    const [stranger = ''] = await uuids();
    await away.restart();
    expect(await row(other)).toMatch(new RegExp(`refused.*${stranger}.*${uuid}`));
    expect(await code(controller.deleteVolume({ volumeId }))).toBe('UNAVAILABLE');

    await attach(own);
    await away.restart();
    expect(await row(own)).toMatch(/member/);
    expect(await row(other)).toMatch(new RegExp(`refused.*${stranger}.*${uuid}`));
    await createVolume(away, 'kept', 8 * MiB, request);
    await controller.deleteVolume({ volumeId });
    // The pool that this node never had has no effect on that.
    await controller.deleteVolume({ volumeId });
    expect((await uuids()).toSorted()).toEqual([uuid, stranger].toSorted());
  });
});

test('changes a group, while an approval adds a disk to it, without a mark that the disk is missing', async () => {
  const [first, second] = ['/dev/loop4', '/dev/loop5'];
  await guest().shell(`modprobe loop; for loop in ${first} ${second}; do
    file=/root/$(basename $loop); truncate -s 64M $file; losetup $loop $file; done`);
  await using grown = await startDriver(guest(), {
    pools: `\n  - { name: grown, volumeGroup: qgrown, type: thick, ${rule(`${first}, ${second}`, 'manual')} }`,
    name: 'grown',
    more: 'rescan: 24h\nlvm: { directory: /run/grown/lvm }',
  });
  expect(await grown.quarry('disks', 'approve', first)).toMatchObject({ exitCode: 0 });
  const volumeId = await createVolume(grown, 'changed', 8 * MiB);
  // The state between the two rescans of an approval.
  // LVM forgets that a disk was missing if nothing is on it.
  await guest().shell(`vgextend -qq -y qgrown ${second}
    lvcreate -qq -an -Zn -Wn -l 1 -n other qgrown ${second}`);
  await grown.client.controller.controllerModifyVolume({ volumeId, mutableParameters: { readIops: '500' } });
  expect(await vg('vg_missing_pv_count', 'qgrown')).toBe('0');
});

test('lists every problem in quarry check, and does not start with one', async () => {
  const wrong = `
  - { name: Wrong, volumeGroup: qw, type: thick, disks: { paths: [relative] }, approve: soon }
  - { name: twice, volumeGroup: qw, type: thin, thin: { share: 200% } }
  - { name: twice, volumeGroup: other, type: thin, colour: blue }`;
  await using broken = await prepareDriver(guest(), { pools: wrong, name: 'broken' });
  const { exitCode, stderr } = await broken.quarry('check');
  expect(exitCode).toBe(2);
  const problems = ['pools[0].name', 'pools[0].disks.paths[0]', 'pools[0].approve', 'pools[1].volumeGroup'];
  for (const path of [...problems, 'pools[1].thin.share', 'pools[2].name', 'colour']) expect(stderr).toContain(path);
  expect((await broken.quarry('all')).exitCode).toBe(2);
  expect(await driver.quarry('check')).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('5 pool(s)') });
});
