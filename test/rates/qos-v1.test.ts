import { beforeAll, expect, test } from 'vitest';
import { MiB } from '../support/driver.ts';
import { runFio, writeBuffered } from '../support/fio.ts';
import { type PodOptions, type Running, settled, within } from '../support/pods.ts';
import { type PodsStage, usePods } from '../support/use-pods.ts';

const stage = usePods({ disks: ['2G'], cgroup: 'v1' });
let guest: PodsStage['guest'];
let driver: PodsStage['driver'];
let pods: PodsStage['pods'];
beforeAll(() => {
  ({ guest, driver, pods } = stage());
});

const readIopsOf = (cgroup: string) => `${cgroup}/blkio.throttle.read_iops_device`;
const container = (v: Running) => `${v.pod}/container`;

test('limits a container to each of the four limits', async () => {
  const v = await pods.run('rates', 'block', {
    readIops: '100',
    writeIops: '200',
    readBandwidth: `${20 * MiB}`,
    writeBandwidth: `${10 * MiB}`,
  });
  await pods.untilFile(readIopsOf(container(v)), `${v.device} 100`);
  const jobs = (kind: '' | 'rand', bs: '4k' | '1m') =>
    runFio(guest, 3, [
      { rw: `${kind}read`, bs, path: v.path, cgroup: container(v) },
      { rw: `${kind}write`, bs, path: v.path, cgroup: container(v) },
    ]);
  for (const kind of ['', 'rand'] as const) {
    const iops = async () => (await jobs(kind, '4k')).map((measured) => measured.iops);
    const bandwidth = async () => (await jobs(kind, '1m')).map((measured) => measured.bandwidth);
    expect(await settled([100, 200], iops)).toEqual([within(5, 100), within(5, 200)]);
    const wanted = [20 * MiB, 10 * MiB];
    expect(await settled(wanted, bandwidth)).toEqual(wanted.map((rate) => within(5, rate)));
  }
});

test('divides the limit among containers with processes, gives the sandbox none, and changes and removes it live', async () => {
  const v = await pods.run('leaves', 'ext4', { readIops: '100' });
  await pods.untilFile(readIopsOf(container(v)), `${v.device} 100`);
  // The runtime's sandbox is a process with the name "pause" in comm.
  const start = (cgroup: string, name: string) =>
    guest.shell(`mkdir -p ${v.pod}/${cgroup}; cp /bin/sleep /tmp/${name}
      /tmp/${name} 1000 >/dev/null 2>&1 & echo $! >${v.pod}/${cgroup}/cgroup.procs`);
  await start('container', 'work');
  await start('sandbox', 'pause');
  await start('second', 'work2');
  await pods.untilFile(readIopsOf(container(v)), `${v.device} 50`);
  await pods.untilFile(readIopsOf(`${v.pod}/second`), `${v.device} 50`);
  await pods.untilFile(readIopsOf(`${v.pod}/sandbox`), v.device, false);
  await pods.modify(v.id, { readIops: '300' });
  await pods.untilFile(readIopsOf(container(v)), `${v.device} 150`);
  await pods.modify(v.id, { readIops: 'max' });
  await pods.untilFile(readIopsOf(container(v)), v.device, false);
  await pods.untilFile(readIopsOf(`${v.pod}/second`), v.device, false);
});

test('divides a limit between two pods, and restores a cleared limit', async () => {
  const v = await pods.run('shared', 'block', { readIops: '200' });
  const other = pods.newUid();
  const pod = await pods.make(other, { by: 'systemd', pod: 'besteffort' });
  await v.publish(other);
  await pods.untilFile(readIopsOf(container(v)), `${v.device} 100`);
  await pods.untilFile(readIopsOf(`${pod}/container`), `${v.device} 100`);
  await guest.shell(`echo '${v.device} 0' >${readIopsOf(container(v))}`);
  await pods.untilFile(readIopsOf(container(v)), `${v.device} 100`);
  await v.unpublish(other);
  await pods.untilFile(readIopsOf(container(v)), `${v.device} 200`);
  await pods.untilFile(readIopsOf(`${pod}/container`), v.device, false);
});

test.each<PodOptions>([
  { by: 'systemd', pod: 'guaranteed' },
  { by: 'cgroupfs', pod: 'besteffort', root: 'custom' },
])('a cgroup that appears after the publish is found: %o', async (options) => {
  const id = await pods.create(`late-${Object.values(options).join('-')}`, 'block', { readIops: '77' });
  const [volume, uid] = [pods.volume(id, 'block'), pods.newUid()];
  await volume.stage();
  await volume.publish(uid);
  const pod = await pods.make(uid, options);
  await pods.untilFile(readIopsOf(`${pod}/container`), `${await pods.deviceAt(volume.targetPath(uid))} 77`);
});

test('shows the sum of the limits of the leaves, and the use of the pod, in quarry qos', async () => {
  const v = await pods.run('shown', 'block', { readIops: '500' });
  await pods.untilFile(readIopsOf(container(v)), `${v.device} 500`);
  await guest.shell(`echo $$ >${container(v)}/cgroup.procs; dd if=${v.path} of=/dev/null iflag=direct bs=4k count=10`);
  const { stdout } = await driver.quarry('qos');
  const row = stdout
    .split('\n')
    .find((line) => line.startsWith(`${v.id} `))
    ?.split(/ {2,}/);
  expect(row).toMatchObject([
    v.id,
    v.uid,
    'readIops=500',
    'readIops=500',
    'enforced',
    expect.any(String),
    'read 40 KiB in 10, written 0 B in 0',
  ]);
});

test('limits buffered writes that the program flushes, but not those that the kernel flushes', async () => {
  const v = await pods.run('buffered', 'ext4', { writeBandwidth: `${MiB}` });
  await pods.untilFile(`${container(v)}/blkio.throttle.write_bps_device`, `${v.device} ${MiB}`);
  const { bandwidth } = await writeBuffered(guest, container(v), `${v.path}/flushed`, 4);
  expect(bandwidth).toBeLessThan(MiB * 1.05);
  const times = await guest.shell(`sh -c 'echo $$ >${container(v)}/cgroup.procs
      exec dd if=/dev/zero of=${v.path}/left bs=1M count=16 status=none'
    echo $EPOCHREALTIME; sync -f ${v.path}; echo $EPOCHREALTIME`);
  const [from = 0, to = 0] = times.trim().split('\n').map(Number);
  expect((16 * MiB) / (to - from)).toBeGreaterThan(2 * MiB);
});
