import { describe, expect, test } from 'vitest';
import { capabilities, MiB, outcomeOf } from '../support/driver.ts';
import { idOf, other, secret, useEncrypted } from '../support/encrypted.ts';

const { guest, driver, controller, node, shell, create, remove, stage, unstage, tagsOf, openDevices, opens } =
  useEncrypted();

/** The next program of cryptsetup with such a command line does its work, and then does not end: the power is cut there. */
async function cutAfter(words: string, work: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  await guest().shell(`cat > /usr/local/sbin/cryptsetup <<'END'
#!/bin/sh
case "$*" in "${words}"*) /usr/sbin/cryptsetup "$@"; touch /run/stopped; exec sleep 1000;; esac
exec /usr/sbin/cryptsetup "$@"
END
chmod +x /usr/local/sbin/cryptsetup; rm -f /run/stopped`);
  const caller = new AbortController();
  const call = outcomeOf(work(caller.signal));
  await guest().shell('while [ ! -e /run/stopped ]; do sleep 0.05; done; rm /usr/local/sbin/cryptsetup; sync');
  caller.abort();
  await call;
  await driver().powerCut();
}

const both = { ...other, previousPassphrase: secret.passphrase };
const kept = async (secrets: Record<string, string>) => {
  await stage('cut', secrets);
  expect(await shell('cat /run/cut/file')).toBe('kept');
};

interface Header {
  readonly keyslots: Readonly<Record<string, { readonly area: { readonly offset: string; readonly size: string } }>>;
  readonly tokens: Readonly<Record<string, { readonly keyslots: readonly string[] }>>;
}
const header = async () =>
  JSON.parse(await shell('lvchange -ay vg/cut; cryptsetup luksDump --dump-json-metadata /dev/vg/cut')) as Header;
/** What a power cut in the middle of luksKillSlot leaves: the slot is overwritten, and is still in the header. */
const overwriteMarked = async () => {
  const { keyslots, tokens } = await header();
  const [mark] = Object.values(tokens);
  const area = keyslots[mark?.keyslots[0] ?? '']?.area;
  const [seek, count] = [Number(area?.offset), Number(area?.size)].map((bytes) => bytes / 4096);
  await guest().shell(`dd if=/dev/urandom of=/dev/vg/cut bs=4096 seek=${seek} count=${count} oflag=direct status=none`);
  expect([await opens('cut', secret), await opens('cut', other)]).toEqual(['', 'yes']);
};

// A busy machine takes half a minute for a cut.
describe('after a power cut', { timeout: 300_000 }, () => {
  test('right after luksFormat, the next stage makes the header again', async () => {
    await create('cut');
    await cutAfter('luksFormat', (signal) => stage('cut', secret, 'ext4', signal));
    expect(await openDevices()).toBe('');
    expect(await tagsOf('cut')).toContain('quarry.fs=luks-none');
  });

  test('right after the first opening, the next stage opens the volume and makes its filesystem', async () => {
    await cutAfter('open --type luks2 --disable-keyring', (signal) => stage('cut', secret, 'ext4', signal));
    expect(await openDevices()).toBe('');
    expect(await tagsOf('cut')).toContain('quarry.fs=none');
    await stage('cut');
    await guest().shell('echo kept > /run/cut/file; sync -f /run/cut');
  });

  test('and the death of the driver, the unstage closes the device', async () => {
    await driver().restart();
    await unstage('cut');
    expect(await openDevices()).toBe('');
  });

  test('right after the growth of the open device, the next stage opens all of it', async () => {
    await kept(secret);
    const capacityRange = { requiredBytes: `${64 * MiB}` };
    await controller().controllerExpandVolume({ volumeId: idOf('cut'), capacityRange });
    const grow = { volumeId: idOf('cut'), volumePath: '/run/cut', capacityRange };
    await cutAfter('resize', (signal) => node().nodeExpandVolume(grow, { signal }));
    await kept(secret);
    expect(Number(await shell('df -B1 --output=size /run/cut | tail -1'))).toBeGreaterThan(40 * MiB);
    await unstage('cut');
  });

  test('in an exchange of passphrases, one of the two opens the volume, and the next stage ends the exchange', async () => {
    for (const step of ['luksAddKey', 'token import', 'luksKillSlot']) {
      await cutAfter(step, (signal) => stage('cut', both, 'ext4', signal));
      await guest().shell('lvchange -ay vg/cut');
      if (step === 'token import') await overwriteMarked();
      expect([await opens('cut', secret), await opens('cut', other)]).toContain('yes');
      expect(await tagsOf('cut')).not.toContain('quarry.rotated');
    }
    await kept(both);
    await unstage('cut');
    expect([await opens('cut', secret), await opens('cut', other)]).toEqual(['', 'yes']);
    expect(await tagsOf('cut')).toContain('quarry.rotated');
    const { keyslots, tokens } = await header();
    expect([Object.keys(keyslots).length, tokens]).toEqual([1, {}]);
  });

  test('in the first write of a volume with integrity, nothing was handed out, and the next stage writes all of it', async () => {
    await create(
      'half',
      { volumeCapabilities: [capabilities.block] },
      { type: 'thick', encryptionIntegrity: 'hmac-sha256' },
    );
    const dying = outcomeOf(stage('half', secret, 'block'));
    const written = `$(awk '{ print $7 }' /sys/dev/block/$(stat -c %Hr:%Lr /dev/mapper/*-new)/stat)`;
    await guest().shell(
      `until [ -e /dev/mapper/*-new ]; do sleep 0.02; done; until [ ${written} -gt 0 ]; do sleep 0.02; done`,
    );
    await driver().powerCut();
    expect((await dying).code).not.toBe('OK');
    expect(await tagsOf('half')).toContain('quarry.fs=luks-none');
    expect([await openDevices(), await shell('ls /run/half 2>/dev/null || true')]).toEqual(['', '']);
    await stage('half', secret, 'block');
    expect(
      await shell(`cmp --bytes ${32 * MiB} /dev/mapper/$(ls /dev/mapper | grep '^quarry-luks-[0-9a-f]*$') /dev/zero`),
    ).toBe('');
    await unstage('half');
    await kept(both);
    await unstage('cut');
  });

  test('in the destruction of its keys, a deleted volume is gone and no header is left on the disk', async () => {
    await create('gone', {}, { erase: 'cryptographic' });
    await stage('gone');
    await unstage('gone');
    const count =
      'dd if=/dev/ubda bs=1M iflag=direct status=none | tr -d "\\0" | { LC_ALL=C grep -a -o SKUL || :; } | wc -l';
    // A busy guest needs a minute for the whole disk.
    const headers = async () => (await guest().exec(['bash', '-c', count], { timeout: 240_000 })).stdout;
    const before = Number(await headers());
    expect(before).toBeGreaterThan(0);
    await controller().createSnapshot({ name: 'snapshot-gone', sourceVolumeId: idOf('gone') });
    await controller().deleteSnapshot({ snapshotId: idOf('snap-gone') });
    await expect.poll(() => shell('lvs --noheadings -o lv_name vg'), { timeout: 60_000 }).not.toMatch(/q-keys/);
    await cutAfter('luksErase', () => remove('gone'));
    await expect.poll(() => shell('lvs --noheadings -o lv_name vg')).not.toMatch(/gone|q-keys/);
    expect(Number(await headers())).toBeLessThan(before);
  });
});
