import { beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { capabilities, createVolume, type Driver, MiB, startDriver } from '../support/driver.ts';
import { useGuest } from '../support/guest.ts';

// A disk that is taken, one with a filesystem, and one with a group of another driver.
const guest = useGuest({ disks: ['256M', '64M', '256M'] });

const pools = `
  - name: own
    volumeGroup: qown
    type: thin
    disks: { paths: [/dev/ubda] }
    approve: automatic
    thin: { share: 60% }
  - { name: refused, volumeGroup: qrefused, type: thick, disks: { paths: [/dev/ubdb] } }
  - { name: foreign, volumeGroup: lvmvg, type: thin }`;

let driver: Driver;

beforeAll(async () => {
  await guest().shell(`mkfs.ext4 -q /dev/ubdb; vgcreate -qq lvmvg /dev/ubdc
    lvcreate -qq -y -L 96M -T lvmvg/lvmvg_thinpool`);
  driver = await startDriver(guest(), { pools, more: 'rescan: 24h' });
});

test('quarry doctor finds a missing tool, a kernel module that is not loaded, a filter of the host, and refused disks', async () => {
  const doctor = async () => {
    const { exitCode, stdout } = await driver.quarry('doctor', '-o', 'json');
    const { items } = JSON.parse(stdout) as { items: { check: string; outcome: string; found: string }[] };
    return { exitCode, lines: items.map(({ check, outcome, found }) => `${check}: ${outcome}: ${found}`) };
  };
  const before = await doctor();
  expect(before.lines).toContainEqual(expect.stringMatching(/^disks: warning: \/dev\/ubdb is refused: .*ext4/));
  expect(before.lines).toContainEqual(expect.stringMatching(/^lvm: ok: LVM 2\.03/));
  const failed = before.lines.filter((line) => /: (?:error|unknown): /.test(line));
  expect(failed).toEqual([expect.stringMatching(/^pools: error: pool refused cannot serve/)]);

  await guest()
    .shell(`cp /etc/lvm/lvmlocal.conf /root; mv /usr/sbin/thin_check /usr/sbin/dmsetup /usr/sbin/cryptsetup /root
    printf '#!/bin/sh\n/root/dmsetup "$@" | grep -v thin\n' >/usr/sbin/dmsetup; chmod +x /usr/sbin/dmsetup
    sed -i 's/use_devicesfile = 0/use_devicesfile = 0\\n\\tglobal_filter = [ "r|ubda|", "a|.*|" ]/' /etc/lvm/lvmlocal.conf`);
  const after = await doctor();
  await guest().shell(
    'mv /root/thin_check /root/dmsetup /root/cryptsetup /usr/sbin/; cp /root/lvmlocal.conf /etc/lvm/',
  );
  expect(after.exitCode).toBe(1);
  expect(after.lines).toContainEqual(expect.stringMatching(/^thin-tools: error: thin_check is not installed/));
  expect(after.lines).toContainEqual(expect.stringMatching(/^encryption: warning: cryptsetup is not installed/));
  // The kernel of the lab can load it.
  expect(after.lines).toContain('device-mapper: ok: target thin-pool is loaded when it is needed');
  expect(after.lines).toContainEqual(expect.stringMatching(/^visible: warning: .*does not show \/dev\/ubda/));
});

test('quarry recover prints the PersistentVolume and the claim of a volume on its node, from its tags', async () => {
  const volumeId = await createVolume(driver, 'recorded', 8 * MiB, { parameters: { pool: 'own' } });
  const record = 'pv=recorded&namespace=db&claim=data-0&class=fast&policy=Delete&access=ReadWriteOnce&mode=Block';
  await guest().shell(`lvchange -qq --addtag 'quarry.pv=${record}' qown/recorded`);
  const { exitCode, stdout } = await driver.quarry('recover', '--claims');
  expect(exitCode).toBe(0);
  const objects = parseAllDocuments(stdout).map((document) => document.toJS() as object);
  expect(objects).toEqual([
    expect.objectContaining({
      kind: 'PersistentVolume',
      spec: expect.objectContaining({
        csi: { driver: 'lvm.quarry.csi', volumeHandle: volumeId },
        persistentVolumeReclaimPolicy: 'Delete',
        volumeMode: 'Block',
      }) as object,
    }),
    expect.objectContaining({ metadata: { name: 'data-0', namespace: 'db' } }),
  ]);
  await driver.client.controller.deleteVolume({ volumeId });
});

/** A PersistentVolume of another driver, as kubectl prints it. */
const formerVolume = (handle: string, name: string, policy: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '48Mi' },
      claimRef: { namespace: 'db', name: `data-${name}`, uid: 'old' },
      csi: { driver: 'another.driver', volumeHandle: handle, fsType: 'ext4' },
      persistentVolumeReclaimPolicy: policy,
      storageClassName: 'old-class',
      volumeMode: 'Filesystem',
    },
  });

/** Makes a logical volume as another driver does, with a filesystem that stays mounted, and the file that both tests read. */
async function formerLogicalVolume(lv: string, options: string): Promise<void> {
  await guest().shell(`lvcreate -qq -y -n ${lv} ${options} && mkfs.ext4 -q /dev/lvmvg/${lv}
    mount /dev/lvmvg/${lv} /mnt && echo ${lv} >/mnt/written && sync`);
}

/** The content of the file in a volume, staged and unstaged. */
async function fileIn(volumeId: string): Promise<string> {
  const staged = { volumeId, stagingTargetPath: '/tmp/adopted' };
  await guest().shell('mkdir -p /tmp/adopted');
  await driver.client.node.nodeStageVolume({ ...staged, volumeCapability: capabilities.ext4 });
  const text = await guest().shell('cat /tmp/adopted/written');
  await driver.client.node.nodeUnstageVolume(staged);
  return text;
}

// OpenEBS leaves the name of the PersistentVolume, in a thin pool named after the group, and no tags.
test('quarry adopt gives a logical volume of OpenEBS the tags of a volume, and prints its objects', async () => {
  const [lv, name] = ['pvc-1d0f', 'pvc-1d0f'];
  const tags = (): Promise<string> => guest().shell(`lvs --noheadings -o lv_tags lvmvg/${lv}`);
  const adopt = (...more: string[]) =>
    driver.quarry('adopt', `lvmvg/${lv}`, '--persistent-volume', '/root/pv.json', ...more);
  await formerLogicalVolume(lv, '-V 64M -T lvmvg/lvmvg_thinpool');
  await guest().shell(`echo '${formerVolume(lv, name, 'Delete')}' >/root/pv.json`);
  const refused = await adopt('--apply');
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toMatch(/it is in use: .*; the PersistentVolume pvc-\S+ has the policy Delete: kubectl patch/);

  await guest().shell(`umount /mnt; echo '${formerVolume(lv, name, 'Retain')}' >/root/pv.json`);
  const shown = await adopt();
  expect(shown).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('Nothing was changed') as string });
  expect((await tags()).trim()).toBe('');
  const applied = await adopt('--apply');
  expect(applied).toMatchObject({ exitCode: 0, stdout: shown.stdout });
  const objects = parseAllDocuments(applied.stdout).map((document) => document.toJS() as object);
  const volumeId = `node-1:${lv}`;
  expect(objects).toMatchObject([
    {
      metadata: { name: `${name}-quarry` },
      spec: { csi: { volumeHandle: volumeId }, storageClassName: 'old-class' },
    },
    { metadata: { namespace: 'db', name: `data-${name}` }, spec: { volumeName: `${name}-quarry` } },
  ]);
  const recorded = await tags();
  expect(await adopt('--apply')).toMatchObject({ exitCode: 0, stdout: applied.stdout });
  expect(await tags()).toBe(recorded);
}, 300_000);

// TopoLVM leaves a UID of its own as the name of a thick logical volume.
test('volumes that were adopted from both drivers have their data after a power cut, and can be deleted', async () => {
  const lv = '7f6e2c1a-54f0-4c5e-9d64-1b7f0a5d9f10';
  await formerLogicalVolume(lv, '-L 48M lvmvg');
  await guest().shell(`umount /mnt; echo '${formerVolume(lv, 'pvc-77aa', 'Retain')}' >/root/pv.json`);
  const { stdout } = await driver.quarry('adopt', `lvmvg/${lv}`, '--persistent-volume', '/root/pv.json', '--apply');
  expect(stdout).toContain(`volumeHandle: node-1:${lv}`);
  await driver.powerCut();
  for (const adopted of ['pvc-1d0f', lv]) {
    expect(await fileIn(`node-1:${adopted}`)).toBe(`${adopted}\n`);
    await driver.client.controller.deleteVolume({ volumeId: `node-1:${adopted}` });
  }
  expect(await guest().shell('lvs --noheadings -o lv_name lvmvg')).toMatch(/^\s*lvmvg_thinpool\s*$/);
}, 300_000);

test('quarry adopt refuses what Quarry cannot serve, with every reason', async () => {
  await guest().shell(`lvcreate -qq -y -n raw -L 8M lvmvg && lvcreate -qq -y -s -n shot -L 4M lvmvg/raw
    lvcreate -qq -y -n q-odd -L 8M lvmvg && lvchange -qq -a n -k y lvmvg/q-odd`);
  const refusal = async (lv: string): Promise<string> => (await driver.quarry('adopt', `lvmvg/${lv}`)).stderr;
  expect(await refusal('raw')).toContain('it has thick snapshots: remove them first');
  expect(await refusal('q-odd')).toMatch(/another use for such a name.*lvchange -k n lvmvg\/q-odd.*it is not active/);
  await guest().shell('lvremove -qq -y lvmvg/shot');
  const { stdout } = await driver.quarry('adopt', 'lvmvg/raw', '--apply', '--name', 'own-data');
  expect(stdout).toMatch(/name: own-data[^]*volumeMode: Block/);
  const raw = { volumeId: 'node-1:raw', volumeCapabilities: [capabilities.block] };
  expect(await driver.client.controller.validateVolumeCapabilities(raw)).toHaveProperty('confirmed');
}, 300_000);
