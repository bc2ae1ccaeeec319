import { beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { createVolume, type Driver, MiB, startDriver } from '../support/driver.ts';
import { useGuest } from '../support/guest.ts';

// A disk that is taken, and one with a filesystem.
const guest = useGuest({ disks: ['256M', '64M'] });

const pools = `
  - name: own
    volumeGroup: qown
    type: thin
    disks: { paths: [/dev/ubda] }
    approve: automatic
    thin: { share: 60% }
  - { name: refused, volumeGroup: qrefused, type: thick, disks: { paths: [/dev/ubdb] } }`;

let driver: Driver;

beforeAll(async () => {
  await guest().shell('mkfs.ext4 -q /dev/ubdb');
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
