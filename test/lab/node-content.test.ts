import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Guest } from '../../lab/guest.ts';
import type { VolumeId } from '../../src/domain/ids.ts';
import { markOf } from '../../src/mount/mark.ts';
import { refused, useNode } from '../support/node-volumes.ts';

const { guest: guestOf, startService, volume } = useNode();
let guest: Guest;

beforeAll(() => {
  guest = guestOf();
});

test.each([
  ['another filesystem', 'foreignxfs', 'mkfs.xfs -q', 'holds xfs'],
  ['a partition table', 'foreigngpt', 'parted -s', 'a gpt partition table'],
  ['swap', 'foreignswap', 'mkswap -q', 'holds swap'],
])(
  'leaves %s alone',
  async (_, name, command, message) => {
    const v = volume(name);
    await v.create();
    await guest.shell(`${command} ${v.device}${command.startsWith('parted') ? ' mklabel gpt' : ''}`);
    const before = await guest.shell(`head -c 4M ${v.device} | sha256sum`);
    await expect(v.stage('ext4')).rejects.toMatchObject(refused('precondition', message));
    expect(await guest.shell(`head -c 4M ${v.device} | sha256sum`)).toBe(before);
  },
  30_000,
);

test('leaves an ext4 alone whose errors e2fsck does not repair by itself', async () => {
  const v = volume('broken');
  await v.create('-L 64M --addtag ext4');
  await guest.shell(
    `mkfs.ext4 -q ${v.device} && debugfs -w -R 'clri <2>' ${v.device} && tune2fs -E force_fsck ${v.device}`,
  );
  await expect(v.stage('ext4')).rejects.toMatchObject(refused('precondition', 'e2fsck'));
});

describe('repeating an mkfs that was cut off', () => {
  test('repeats an mkfs of ext4 whose superblock looks clean', async () => {
    const v = volume('halfext4');
    await v.create();
    const mark = markOf('guest:halfext4' as VolumeId);
    await guest.shell(`mkfs.ext4 -q -U ${mark} ${v.device}
      dd if=/dev/zero of=${v.device} bs=4k seek=$(debugfs -R 'blocks /' ${v.device}) count=1 status=none`);
    expect((await guest.exec(['e2fsck', '-p', v.device])).exitCode).toBe(0);
    await v.stage('ext4');
    await v.unstage();
    expect((await guest.exec(['e2fsck', '-fn', v.device])).exitCode).toBe(0);
    expect(await guest.shell('lvs --noheadings -o lv_tags vg/halfext4')).toContain('ext4');
  });

  test('repeats an mkfs of ext4 after a power cut at any point', async () => {
    // Reports its start through a pipe, if there is one: /tmp is empty after a boot.
    await guest.shell(`cat > /usr/local/sbin/mkfs.ext4 <<'END'
#!/bin/sh
[ -p /tmp/mkfs ] && echo > /tmp/mkfs
exec /usr/sbin/mkfs.ext4 "$@"
END
      chmod +x /usr/local/sbin/mkfs.ext4`);
    for (const after of [0, 20, 45]) {
      const v = volume(`cut${after}`);
      await v.create();
      await guest.shell('mkfifo /tmp/mkfs');
      const cut = v.stage('ext4').catch(() => 'cut');
      await guest.exec(['cat', '/tmp/mkfs']);
      await setTimeout(after);
      await guest.powerCut();
      await guest.boot();
      await cut;
      await guest.shell('vgchange -q -ay vg');
      await startService();
      await v.stage('ext4');
      await v.unstage();
      expect((await guest.exec(['e2fsck', '-fn', v.device])).exitCode, `cut ${after} ms after mkfs began`).toBe(0);
    }
  });

  test('repeats an mkfs of xfs, which marks it as unfinished', async () => {
    const v = volume('halfxfs');
    await v.create();
    await guest.shell(
      `mkfs.xfs -q ${v.device}; printf '\\1' | dd of=${v.device} bs=1 seek=126 conv=notrunc status=none`,
    );
    await v.stage('xfs');
    await v.unstage();
    expect((await guest.exec(['xfs_repair', '-n', v.device])).exitCode).toBe(0);
  });
});

test('leaves a blank device alone whose volume was formatted before', async () => {
  const v = volume('wiped');
  await v.create('-L 64M --addtag ext4');
  await expect(v.stage('ext4')).rejects.toMatchObject(refused('precondition', 'looks blank'));
  expect((await guest.exec(['blkid', '-p', v.device])).exitCode).toBe(2);
});

test('has the copies of the superblock of a grown xfs written again that a power cut took: xfs_repair would shrink it to what they say', async () => {
  const v = volume('grownxfs');
  await v.create('-L 320M');
  await v.stage('xfs');
  await v.unstage();
  const sectors = `$(xfs_db -r -c 'sb 0' -c 'p agblocks' ${v.device} | sed 's/.* //') * 8`;
  await guest.shell(`xfs_admin -L kept ${v.device} >/dev/null; echo $((${sectors})) >/root/sectors
    for group in 1 2 3; do dd if=${v.device} of=/root/copy$group skip=$((group * $(cat /root/sectors))) count=1 status=none; done
    lvextend -q -L 640M vg/grownxfs`);
  await v.stage('xfs');
  await v.unstage();
  await guest.shell(`for group in 1 2 3 4 5 6 7; do
      from=/root/copy$group; [ -e $from ] || from=/dev/zero
      dd if=$from of=${v.device} seek=$((group * $(cat /root/sectors))) count=1 conv=notrunc status=none
    done`);
  const check = () => guest.exec(['xfs_repair', '-n', v.device]);
  expect((await check()).stderr).toContain('would write modified primary superblock');
  await v.stage('xfs');
  await v.unstage();
  expect((await check()).exitCode).toBe(0);
  expect(await guest.shell(`xfs_admin -l ${v.device}`)).toBe('label = "kept"\n');
  expect(await guest.shell(`xfs_db -r -c 'sb 0' -c 'p dblocks' ${v.device}`)).toBe(`dblocks = ${(640 * 1024) / 4}\n`);
});
