import { beforeAll, describe, expect, test } from 'vitest';
import { MiB } from '../support/driver.ts';
import { type Measured, runFio, writeBuffered } from '../support/fio.ts';
import { ioMax, type PodOptions, type Running, settled, within } from '../support/pods.ts';
import { type PodsStage, usePods } from '../support/use-pods.ts';

const stage = usePods({ disks: ['4G'] });
let guest: PodsStage['guest'];
let driver: PodsStage['driver'];
let pods: PodsStage['pods'];
beforeAll(() => {
  ({ guest, driver, pods } = stage());
});

const ioMaxOf = (running: Running) => `${running.pod}/io.max`;

describe.each(['4k', '1m'] as const)('a raw block volume with blocks of %s', (bs) => {
  const iops = bs === '4k' ? 100 : 20;
  const bandwidth = bs === '4k' ? MiB : 20 * MiB;
  let v: Running;
  beforeAll(async () => {
    v = await pods.run(`rates-${bs}`, 'block');
  });
  const measure = async (kind: '' | 'rand', rate: keyof Measured) => {
    const both = await runFio(guest, 3, [
      { rw: `${kind}read`, bs, path: v.path, cgroup: `${v.pod}/container` },
      { rw: `${kind}write`, bs, path: v.path, cgroup: `${v.pod}/container` },
    ]);
    return both.map((measured) => measured[rate]);
  };

  test('limits its operations per second, sequential and random', async () => {
    await pods.modify(v.id, { readIops: `${iops}`, writeIops: `${iops * 2}` });
    await pods.untilFile(ioMaxOf(v), ioMax(v.device, { riops: iops, wiops: iops * 2 }));
    for (const kind of ['', 'rand'] as const) {
      const wanted = [iops, iops * 2];
      expect(await settled(wanted, () => measure(kind, 'iops'))).toEqual(wanted.map((rate) => within(5, rate)));
    }
  });

  test('limits its bytes per second, sequential and random', async () => {
    const limits = { readBandwidth: `${bandwidth}`, writeBandwidth: `${bandwidth / 2}` };
    await pods.modify(v.id, { readIops: 'max', writeIops: 'max', ...limits });
    await pods.untilFile(ioMaxOf(v), ioMax(v.device, { rbps: bandwidth, wbps: bandwidth / 2 }));
    for (const kind of ['', 'rand'] as const) {
      const wanted = [bandwidth, bandwidth / 2];
      expect(await settled(wanted, () => measure(kind, 'bandwidth'))).toEqual(wanted.map((rate) => within(5, rate)));
    }
  });
});

test.each(['ext4', 'xfs', 'btrfs'] as const)(
  'limits buffered writes on %s, and counts them for the pod',
  async (type) => {
    const limit = 4 * MiB;
    const v = await pods.run(`buffered-${type}`, type, { writeBandwidth: `${limit}` });
    await pods.untilFile(ioMaxOf(v), ioMax(v.device, { wbps: limit }));
    const { bandwidth } = await writeBuffered(guest, `${v.pod}/container`, `${v.path}/file`, 16);
    expect(bandwidth).toBeLessThan(limit * 1.05);
    const written = await guest.shell(`sed -n 's/^${v.device} .*wbytes=\\([0-9]*\\).*/\\1/p' ${v.pod}/io.stat`);
    expect(Number(written)).toBeGreaterThanOrEqual(16 * MiB);
  },
);

test('limits direct writes to an encrypted volume, at the device that its pod has', async () => {
  const encrypted = { encryption: 'luks2', encryptionMemory: '4Mi', writeIops: '100' };
  const v = await pods.run('encrypted', 'block', encrypted);
  const top = (
    await guest.shell('dmsetup info -c --noheadings --separator : -o major,minor -S "name=~^quarry-luks"')
  ).trim();
  expect(v.device).toBe(top);
  await pods.untilFile(ioMaxOf(v), ioMax(top, { wiops: 100 }));
  const job = { rw: 'randwrite', bs: '4k', path: v.path, cgroup: `${v.pod}/container` } as const;
  const rate = async () => (await runFio(guest, 3, [job])).map(({ iops }) => iops);
  expect(await settled([100], rate)).toEqual([within(5, 100)]);
});

test('divides a limit between two pods, and gives the remaining pod all of it', async () => {
  const v = await pods.run('shared', 'block', { readIops: '301' });
  const other = pods.newUid();
  const pod = await pods.make(other);
  await v.publish(other);
  await pods.untilFile(ioMaxOf(v), ioMax(v.device, { riops: 151 }));
  await pods.untilFile(`${pod}/io.max`, ioMax(v.device, { riops: 150 }));
  const jobs = [v.pod, pod].map(
    (each) => ({ rw: 'randread', bs: '4k', path: v.path, cgroup: `${each}/container` }) as const,
  );
  const both = async () => {
    const measured = await runFio(guest, 3, jobs);
    return measured.map(({ iops }) => iops);
  };
  expect(await settled([151, 150], both)).toEqual([within(5, 151), within(5, 150)]);
  await v.unpublish(other);
  await pods.untilFile(ioMaxOf(v), ioMax(v.device, { riops: 301 }));
  await pods.untilFile(`${pod}/io.max`, v.device, false);
});

test('applies a lower and a higher limit to a running pod, and writes max when it is removed', async () => {
  const v = await pods.run('live', 'block', { readIops: '400' });
  const done = `sed -n 's/^${v.device} .*rios=\\([0-9]*\\).*/\\1/p' ${v.pod}/io.stat`;
  const fio = `--direct=1 --ioengine=libaio --iodepth=4 --rw=randread --bs=4k --filename=${v.path} --size=64m`;
  const run = `echo $$ >${v.pod}/container/cgroup.procs; exec fio --name=reader --time_based --runtime=120 ${fio}`;
  const reader = await guest.start(['sh', '-c', run]);
  const rate = async () => {
    const words = await guest.shell(`until [ "$(${done})" -gt 0 ]; do sleep 0.02; done 2>/dev/null
      echo $EPOCHREALTIME $(${done}); sleep 2; echo $EPOCHREALTIME $(${done})`);
    const [from = 0, before = 0, to = 0, after = 0] = words.split(/\s/).map(Number);
    return [(after - before) / (to - from)];
  };
  for (const limit of [100, 300]) {
    await pods.modify(v.id, { readIops: `${limit}` });
    await pods.untilFile(ioMaxOf(v), ioMax(v.device, { riops: limit }));
    expect(await settled([limit], rate)).toEqual([within(5, limit)]);
  }
  reader.kill('SIGKILL');
  await reader.exited;
  await pods.modify(v.id, { readIops: 'max' });
  await pods.untilFile(ioMaxOf(v), v.device, false);
});

test('raises a limit per GiB with an expansion', async () => {
  const v = await pods.run('grown', 'block', { writeIopsPerGiB: '1600' });
  await pods.untilFile(ioMaxOf(v), ioMax(v.device, { wiops: 100 }));
  await driver.client.controller.controllerExpandVolume({
    volumeId: v.id,
    capacityRange: { requiredBytes: `${128 * MiB}` },
  });
  await pods.untilFile(ioMaxOf(v), ioMax(v.device, { wiops: 200 }));
});

test('restores limits that another program cleared or changed, and those of a recreated cgroup', async () => {
  const v = await pods.run('wiped', 'ext4', { readIops: '123' });
  const wanted = ioMax(v.device, { riops: 123 });
  await guest.shell(`echo '${v.device} riops=max' >${ioMaxOf(v)}`);
  await pods.untilFile(ioMaxOf(v), wanted);
  await guest.shell(`echo '${v.device} riops=999 wbps=5000000' >${ioMaxOf(v)}`);
  await pods.untilFile(ioMaxOf(v), wanted);
  await guest.shell(`rmdir ${v.pod}/container ${v.pod}; mkdir ${v.pod}`);
  await pods.untilFile(ioMaxOf(v), wanted);
  await guest.shell(`echo '${v.device} riops=max' >${ioMaxOf(v)}`);
  await pods.untilFile(ioMaxOf(v), wanted);
});

test('keeps limits of other devices in the same file', async () => {
  const foreign = ioMax('98:0', { rbps: 104857600 });
  const v = await pods.run('beside', 'block', { readIops: '50' });
  await guest.shell(`echo '${foreign}' >${ioMaxOf(v)}`);
  await pods.modify(v.id, { readIops: '60', writeIops: '70' });
  await pods.untilFile(ioMaxOf(v), ioMax(v.device, { riops: 60, wiops: 70 }));
  await v.unpublish(v.uid);
  await pods.untilFile(ioMaxOf(v), v.device, false);
  expect(await guest.shell(`cat ${ioMaxOf(v)}`)).toBe(`${foreign}\n`);
});

test.each<PodOptions>([
  { by: 'cgroupfs', pod: 'guaranteed' },
  { by: 'cgroupfs', pod: 'besteffort' },
  { by: 'systemd', pod: 'guaranteed' },
  { by: 'systemd', pod: 'burstable' },
  { by: 'systemd', pod: 'besteffort' },
  { by: 'cgroupfs', pod: 'burstable', root: 'custom' },
  { by: 'systemd', pod: 'burstable', root: 'custom' },
])('finds a cgroup that appears after the publish: %o', async (options) => {
  const id = await pods.create(`late-${Object.values(options).join('-')}`, 'block', { readIops: '77' });
  const [volume, uid] = [pods.volume(id, 'block'), pods.newUid()];
  await volume.stage();
  await volume.publish(uid);
  const pod = await pods.make(uid, options);
  await pods.untilFile(`${pod}/io.max`, ioMax(await pods.deviceAt(volume.targetPath(uid)), { riops: 77 }));
});

test('runs mkfs in the cgroup of the driver, which has no limit', async () => {
  const wrapper = `#!/bin/sh\ncat /proc/self/cgroup >/tmp/mkfs.cgroup\nexec /usr/sbin/mkfs.ext4 "$@"\n`;
  await guest.exec(['sh', '-c', 'cat >/usr/local/sbin/mkfs.ext4; chmod +x /usr/local/sbin/mkfs.ext4'], {
    input: wrapper,
  });
  const v = await pods.run('tiny', 'ext4', { writeIops: '1', writeBandwidth: '4096' });
  await guest.shell('rm /usr/local/sbin/mkfs.ext4');
  const [ofMkfs, ofDriver] = await Promise.all(
    ['/tmp/mkfs.cgroup', `/proc/${driver.process().pid}/cgroup`].map((file) => guest.shell(`cat ${file}`)),
  );
  expect(ofMkfs).toBe(ofDriver);
  expect(await guest.shell(`grep -l '^${v.device} ' $(find /sys/fs/cgroup -name io.max)`)).toBe(`${ioMaxOf(v)}\n`);
});
