import { describe, expect, test } from 'vitest';
import { openOptions } from '../../src/domain/encryption.ts';
import { capabilities, MiB, outcomeOf, untilDone } from '../support/driver.ts';
import { encrypted, idOf, other, placeOf, secret, useEncrypted } from '../support/encrypted.ts';

const { guest, driver, controller, node, shell, create, remove, stage, unstage, tagsOf, openDevices, opens } =
  useEncrypted();

test('gives its user the size asked for, and leaves no plaintext on the disk, no open device and no passphrase', async () => {
  expect((await create('secret'))?.capacityBytes).toBe(String(32 * MiB));
  await create('plain', { parameters: {} });
  await stage('secret');
  await stage('secret');
  await node().nodeStageVolume({ ...placeOf('plain'), volumeCapability: capabilities.ext4 });
  const device = `/dev/mapper/${await openDevices()}`;
  expect(await shell(`blockdev --getsize64 ${device} /dev/vg/secret`)).toBe(`${32 * MiB}\n${48 * MiB}`);
  expect(await shell('findmnt -n -o SOURCE /run/secret')).toBe(device);
  await guest().shell(`printf hidden-%s 4711 > /run/secret/file; printf shown-%s 4711 > /run/plain/file`);
  await unstage('secret');
  await unstage('plain');
  expect(await openDevices()).toBe('');
  const found = (text: string) => shell(`sync; tr -d '\\0' < /dev/ubda | LC_ALL=C grep -a -c ${text}-4711 || true`);
  expect(await found('shown')).not.toBe('0');
  expect(await found('hidden')).toBe('0');
  expect(driver().log()).toContain('luksFormat');
  const kept = await shell('grep -r -l -F "correct horse" /run /etc /var /tmp 2>/dev/null || true');
  expect(driver().log() + (await tagsOf('secret')) + kept).not.toContain('correct');
  expect(kept).toBe('');
  await remove('plain');
});

test('refuses a wrong and a missing passphrase with the remedy, and changes nothing', async () => {
  const before = await shell('sha256sum < /dev/vg/secret; lvs --noheadings -o lv_tags vg/secret');
  expect(await outcomeOf(stage('secret', other))).toMatchObject({
    code: 'UNAUTHENTICATED',
    details: expect.stringContaining('does not open volume node-1:secret'),
  });
  expect(await outcomeOf(stage('secret', { password: 'x' }))).toMatchObject({
    code: 'UNAUTHENTICATED',
    details: expect.stringContaining('csi.storage.k8s.io/node-stage-secret-name'),
  });
  expect(await openDevices()).toBe('');
  expect(await shell('sha256sum < /dev/vg/secret; lvs --noheadings -o lv_tags vg/secret')).toBe(before);
  await stage('secret');
  expect(await shell('cat /run/secret/file')).toBe('hidden-4711');
  await unstage('secret');
});

test('grows online, as a raw block device and with a filesystem, without the passphrase, and keeps its cipher and options', async () => {
  const encryptionCipher = 'xchacha20,aes-adiantum-plain64';
  await create('raw', {}, { type: 'thick', encryptionCipher, encryptionOptions: openOptions.join(' ') });
  await stage('raw', secret, 'block');
  const device = `/dev/mapper/${await openDevices()}`;
  const opened = async () => shell(`dmsetup table ${device} | cut -d ' ' -f 4,9-`);
  const flags = 'allow_discards same_cpu_crypt submit_from_crypt_cpus no_read_workqueue no_write_workqueue';
  const expected = expect.stringMatching(new RegExp(`^${encryptionCipher} 6 ${flags} sector_size:4096$`));
  expect(await opened()).toEqual(expected);
  await driver().restart();
  await stage('raw', secret, 'block');
  expect(await opened()).toEqual(expected);
  await unstage('raw');
  await stage('raw', secret, 'block');
  await stage('secret');
  for (const name of ['raw', 'secret']) {
    const capacityRange = { requiredBytes: `${64 * MiB}` };
    const { capacityBytes } = await controller().controllerExpandVolume({ volumeId: idOf(name), capacityRange });
    expect(capacityBytes).toBe(String(64 * MiB));
    const grown = await node().nodeExpandVolume({ volumeId: idOf(name), volumePath: `/run/${name}`, capacityRange });
    expect(grown.capacityBytes).toBe(String(64 * MiB));
  }
  expect(await opened()).toEqual(expected);
  expect(Number(await shell('df -B1 --output=size /run/secret | tail -1'))).toBeGreaterThan(40 * MiB);
  await unstage('raw');
  await remove('raw');
});

test('snapshots, clones and copies to another type have the header, the size and the passphrase of their source', async () => {
  await guest().shell('sync -f /run/secret');
  const { snapshot } = await controller().createSnapshot({ name: 'snapshot-s', sourceVolumeId: idOf('secret') });
  expect(snapshot?.sizeBytes).toBe(String(64 * MiB));
  const fromSnapshot = { snapshot: { snapshotId: snapshot?.snapshotId ?? '' } };
  const fromVolume = { volume: { volumeId: idOf('secret') } };
  for (const [name, volumeContentSource, type, size] of [
    ['restored', fromSnapshot, 'thin', 96],
    ['clone', fromVolume, 'thin', 64],
    ['copy', fromSnapshot, 'thick', 64],
  ] as const) {
    const over = { volumeContentSource, capacityRange: { requiredBytes: `${size * MiB}` } };
    await expect.poll(async () => (await outcomeOf(create(name, over, { type }))).code).toBe('OK');
    expect((await create(name, over, { type }))?.capacityBytes).toBe(String(size * MiB));
    expect((await outcomeOf(stage(name, other))).code).toBe('UNAUTHENTICATED');
    await stage(name);
    expect(await shell(`cat /run/${name}/file`)).toBe('hidden-4711');
    await unstage(name);
    await remove(name);
  }
  const open = { volumeContentSource: fromVolume, capacityRange: { requiredBytes: `${64 * MiB}` }, parameters: {} };
  expect(await outcomeOf(create('opened', open))).toMatchObject({
    code: 'INVALID_ARGUMENT',
    details: expect.stringContaining('use a class with encryption luks2'),
  });
  await controller().deleteSnapshot({ snapshotId: snapshot?.snapshotId ?? '' });
  await unstage('secret');
});

test('leaves a volume alone that has content before its first use, also a header of somebody else', async () => {
  await create('foreign');
  const device = '/dev/mapper/vg-foreign';
  await guest().shell(`lvchange -ay vg/foreign; printf %s x | cryptsetup luksFormat -q --pbkdf pbkdf2 \\
    --pbkdf-force-iterations 1000 --key-file - ${device}`);
  const before = await shell(`sha256sum < ${device}`);
  expect(await outcomeOf(stage('foreign'))).toMatchObject({
    code: 'FAILED_PRECONDITION',
    details: expect.stringContaining('holds crypto_LUKS'),
  });
  expect(await shell(`sha256sum < ${device}`)).toBe(before);
  await remove('foreign');
});

describe('a volume with integrity', () => {
  const coded = { type: 'thick', encryptionIntegrity: 'hmac-sha256' };
  const device = async () => `/dev/mapper/${(await openDevices()).split('\n')[0]}`;
  const read = async () =>
    guest().exec(['dd', `if=${await device()}`, 'of=/dev/null', 'bs=1M', 'iflag=direct', 'status=none']);

  test('shows a byte that was changed on the disk as an I/O error, also if its first stage was cut off', async () => {
    await create('coded', { volumeCapabilities: [capabilities.block] }, coded);
    const dying = outcomeOf(stage('coded', secret, 'block'));
    await guest().shell('until ls /dev/mapper | grep -q -- -new$; do sleep 0.02; done');
    await driver().restart();
    expect((await dying).code).not.toBe('OK');
    expect(await openDevices()).toContain('-new');
    expect(await tagsOf('coded')).toContain('quarry.fs=luks-none');
    await stage('coded', secret, 'block');
    expect(await openDevices()).not.toContain('-new');
    expect(Number(await shell(`blockdev --getsize64 ${await device()}`))).toBeGreaterThanOrEqual(32 * MiB);
    expect(await read()).toMatchObject({ exitCode: 0 });
    await unstage('coded');
    expect(await openDevices()).toBe('');
    await guest().shell(`lvchange -ay vg/coded
      end=$(blockdev --getsize64 /dev/vg/coded)
      printf x | dd of=/dev/vg/coded bs=1 seek=$((end - 6 * 1024 * 1024)) conv=notrunc,fsync status=none
      lvchange -an vg/coded`);
    await stage('coded', secret, 'block');
    expect(await read()).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('error reading') });
  });

  test('has a filesystem, also in a thin volume, which its clone and its copy have with the codes', async () => {
    const thin = { encryptionIntegrity: 'hmac-sha256' };
    await create('files', {}, thin);
    await stage('files');
    await guest().shell('echo coded > /run/files/file');
    await unstage('files');
    const volumeContentSource = { volume: { volumeId: idOf('files') } };
    for (const [name, type] of [
      ['files', ''],
      ['files-clone', 'thin'],
      ['files-copy', 'thick'],
    ] as const) {
      const make = () => create(name, { volumeContentSource }, { ...thin, type });
      if (type) await untilDone(make);
      await stage(name);
      expect(await shell(`cat /run/${name}/file; dmsetup table $(findmnt -n -o SOURCE /run/${name})`)).toMatch(
        /^coded\n.*integrity:/,
      );
      await unstage(name);
    }
    for (const name of ['files-copy', 'files-clone', 'files']) await remove(name);
  });

  test('cannot grow, and says so before anything is changed', async () => {
    const capacityRange = { requiredBytes: `${64 * MiB}` };
    const size = () => shell('lvs --noheadings -o lv_size vg/coded');
    const before = await size();
    expect(
      await outcomeOf(controller().controllerExpandVolume({ volumeId: idOf('coded'), capacityRange })),
    ).toMatchObject({ code: 'FAILED_PRECONDITION', details: expect.stringContaining('cannot grow') });
    expect(await size()).toBe(before);
    // What a cryptsetup that was killed leaves: its upper device is closed, the one between is not.
    await guest().shell(`DM_DISABLE_UDEV=1 dmsetup remove ${await device()}`);
    expect(await openDevices()).toMatch(/_dif$/);
    await unstage('coded');
    expect(await openDevices()).toBe('');
    await remove('coded');
  });
});

describe('a Secret with two passphrases', () => {
  const both = { ...other, previousPassphrase: secret.passphrase };

  test('exchanges them at a stage, and changes nothing if neither is right', async () => {
    const wrong = { passphrase: 'neither', previousPassphrase: 'nor' };
    expect(await outcomeOf(stage('secret', wrong))).toMatchObject({
      code: 'UNAUTHENTICATED',
      details: expect.stringContaining('neither passphrase'),
    });
    expect(await opens('secret', secret)).toBe('yes');
    await stage('secret', both);
    await unstage('secret');
    expect([await opens('secret', secret), await opens('secret', other)]).toEqual(['', 'yes']);
    await stage('secret', both);
    await unstage('secret');
    expect(await opens('secret', other)).toBe('yes');
  });
});

test('a node without cryptsetup has no capacity for encrypted volumes, makes none, and makes others', async () => {
  const capacity = async () => Number((await controller().getCapacity({ parameters: encrypted })).availableCapacity);
  expect(await capacity()).toBeGreaterThan(0);
  await guest().shell('mv /usr/sbin/cryptsetup /root/');
  await driver().restart();
  expect(await capacity()).toBe(0);
  expect(await outcomeOf(create('unable'))).toMatchObject({
    code: 'RESOURCE_EXHAUSTED',
    details: expect.stringContaining('no cryptsetup'),
  });
  await create('able', { parameters: {} });
  await guest().shell(`mv /root/cryptsetup /usr/sbin/; kill -HUP ${driver().process().pid}`);
  await expect.poll(capacity, { timeout: 30_000 }).toBeGreaterThan(0);
});
