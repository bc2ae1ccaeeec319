import { beforeAll, describe, expect, test } from 'vitest';
import { outcomeOf } from '../support/driver.ts';
import { runFio } from '../support/fio.ts';
import { GUEST_NODE } from '../support/guest.ts';
import { ioMax, settled, within } from '../support/pods.ts';
import { type PodsStage, usePods } from '../support/use-pods.ts';

const stage = usePods({ disks: ['2G'] }, 'metrics: { listen: 127.0.0.1:9809 }');
let guest: PodsStage['guest'];
let driver: PodsStage['driver'];
let pods: PodsStage['pods'];
beforeAll(() => {
  ({ guest, driver, pods } = stage());
});

const metrics = () =>
  guest.shell(`${GUEST_NODE} -e "fetch('http://127.0.0.1:9809/metrics').then(r => r.text()).then(console.log)"`);

/** The row of `quarry qos` for a volume: id, pod, wanted, in force, state, since, used. */
async function row(volumeId: string): Promise<string[]> {
  const { stdout, stderr, exitCode } = await driver.quarry('qos');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const found = stdout.split('\n').find((line) => line.startsWith(`${volumeId} `));
  return found?.split(/ {2,}/) ?? [];
}

const shown = async (volumeId: string) => (await row(volumeId)).slice(0, 5);

describe('a limit that cannot be enforced', () => {
  test.each(['report', 'strict'] as const)('reports or fails because io.max is read-only: %s', async (enforcement) => {
    const id = await pods.create(`ro-${enforcement}`, 'block', { readIops: '55', qosEnforcement: enforcement });
    const [volume, uid] = [pods.volume(id, 'block'), pods.newUid()];
    await volume.stage();
    const pod = await pods.make(uid, { pod: 'guaranteed' });
    const file = `${pod}/io.max`;
    await guest.shell(`for folder in ${pod}/../.. ${pod}/..; do echo +io >$folder/cgroup.subtree_control; done
      mount --bind ${file} ${file}; mount -o remount,bind,ro ${file}`);
    const published = await outcomeOf(volume.publish(uid));
    if (enforcement === 'report') expect(published.code).toBe('OK');
    else expect(published).toEqual({ code: 'UNAVAILABLE', details: expect.stringContaining('cannot be written to') });

    expect(await shown(id)).toEqual([id, uid, 'readIops=55', 'max', 'failed: cgroup-read-only']);
    expect(await metrics()).toContain(`quarry_qos_state{volume="${id}",pod_uid="${uid}",state="failed"} 1`);
    await driver.logged(new RegExp(`"volume":"${id}".*"reason":"cgroup-read-only".*"limit not in force"`));

    await guest.shell(`umount ${file}`);
    await volume.publish(uid);
    const device = await pods.deviceAt(volume.targetPath(uid));
    expect(await guest.shell(`cat ${file}`)).toBe(`${ioMax(device, { riops: 55 })}\n`);
    expect(await shown(id)).toEqual([id, uid, 'readIops=55', 'readIops=55', 'enforced']);
  });

  test('reports that the whole filesystem is read-only and io.max is missing', async () => {
    const id = await pods.create('all-ro', 'block', { readIops: '56', qosEnforcement: 'strict' });
    const [volume, uid] = [pods.volume(id, 'block'), pods.newUid()];
    await volume.stage();
    await pods.make(uid, { root: 'fresh' });
    await guest.shell('mount -o remount,bind,ro /sys/fs/cgroup');
    expect(await outcomeOf(volume.publish(uid))).toMatchObject({ code: 'UNAVAILABLE' });
    expect(await shown(id)).toEqual([id, uid, 'readIops=56', 'max', 'failed: cgroup-read-only']);
    await guest.shell('mount -o remount,bind,rw /sys/fs/cgroup');
    await volume.publish(uid);
  });

  test('reports that a cgroup with processes prevents the io controller', async () => {
    const id = await pods.create('no-io', 'block', { readIops: '57' });
    const [volume, uid] = [pods.volume(id, 'block'), pods.newUid()];
    await volume.stage();
    const busy = '/sys/fs/cgroup/busy/kubepods';
    const pid = await guest.shell(
      `mkdir -p ${busy}/pod${uid}; sleep 1000 >/dev/null 2>&1 & echo $! | tee ${busy}/cgroup.procs`,
    );
    await volume.publish(uid);
    expect(await shown(id)).toEqual([id, uid, 'readIops=57', 'max', 'failed: no-io-controller']);
    expect(await metrics()).toMatch(/^quarry_qos_failures_total\{reason="no-io-controller"\} [1-9]/m);
    await guest.shell(`kill ${pid}`);
    await volume.publish(uid);
    expect(await shown(id)).toEqual([id, uid, 'readIops=57', 'readIops=57', 'enforced']);
  });

  test('reports that the pod has no cgroup yet, and a strict publish fails until it has one', async () => {
    const id = await pods.create('early', 'ext4', { writeIops: '58', qosEnforcement: 'strict' });
    const [volume, uid] = [pods.volume(id, 'ext4'), pods.newUid()];
    await volume.stage();
    const details = expect.stringContaining('the cgroup of the pod does not exist yet');
    expect(await outcomeOf(volume.publish(uid))).toEqual({ code: 'UNAVAILABLE', details });
    expect(await shown(id)).toEqual([id, uid, 'writeIops=58', 'max', 'pending: no-pod-cgroup']);
    const pod = await pods.make(uid);
    await pods.untilFile(`${pod}/io.max`, ioMax(await pods.deviceAt(volume.targetPath(uid)), { wiops: 58 }));
    await volume.publish(uid);
  });

  test('reports that the target is not a path of kubelet', async () => {
    const id = await pods.create('stranger', 'block', { readIops: '59' });
    const common = {
      volumeId: id,
      stagingTargetPath: '/tmp/staging',
      targetPath: '/tmp/target',
      volumeCapability: { block: {}, accessMode: { mode: 'SINGLE_NODE_WRITER' } },
    } as const;
    await driver.client.node.nodeStageVolume(common);
    await driver.client.node.nodePublishVolume(common);
    expect(await shown(id)).toEqual([id, '/tmp/target', 'readIops=59', 'max', 'failed: unknown-pod']);
    await driver.client.node.nodeUnpublishVolume(common);
    await expect.poll(() => shown(id), { timeout: 20_000 }).toEqual([]);
  });
});

test('counts repaired limits and the use of a volume', async () => {
  const v = await pods.run('counted', 'block', { readIops: '500' });
  await guest.shell(`echo '${v.device} riops=max' >${v.pod}/io.max`);
  await pods.untilFile(`${v.pod}/io.max`, ioMax(v.device, { riops: 500 }));
  await guest.shell(
    `echo $$ >${v.pod}/container/cgroup.procs; dd if=${v.path} of=/dev/null iflag=direct bs=4k count=100`,
  );
  const labels = `volume="${v.id}",pod_uid="${v.uid}"`;
  const text = await metrics();
  expect(text).toContain(`quarry_qos_wanted_operations_per_second{${labels},direction="read"} 500`);
  expect(text).toContain(`quarry_qos_in_force_operations_per_second{${labels},direction="read"} 500`);
  expect(text).toContain(`quarry_qos_io_bytes_total{${labels},direction="read"} 409600`);
  expect(text).toContain(`quarry_qos_io_operations_total{${labels},direction="read"} 100`);
  expect(text).toMatch(/^quarry_qos_drift_repaired_total 1$/m);
  expect((await row(v.id)).at(-1)).toBe('read 400 KiB in 100, written 0 B in 0');
});

/** Devices that occupy numbers, so that a volume gets another one. */
const fill = (name: string, count: number) =>
  guest.shell(`for i in $(seq ${count}); do printf '${name}%s,,,rw,0 8 zero;' $i; done | sed 's/;$//' >/tmp/devices
    dmsetup create --concise "$(cat /tmp/devices)"`);

test('limits a device whose minor is above 255', async () => {
  await fill('filler', 300);
  const v = await pods.run('beyond', 'block', { readIops: '150' });
  expect(Number(v.device.split(':')[1])).toBeGreaterThan(255);
  await pods.untilFile(`${v.pod}/io.max`, ioMax(v.device, { riops: 150 }));
  const job = { rw: 'randread', bs: '4k', path: v.path, cgroup: `${v.pod}/container` } as const;
  const rates = await settled([150], async () => (await runFio(guest, 2, [job])).map(({ iops }) => iops));
  expect(rates).toEqual([within(5, 150)]);
  await guest.shell('dmsetup remove filler{1..300}');
});

test('restores limits at the start that were changed after a kill -9', async () => {
  const v = await pods.run('killed', 'ext4', { readIops: '80' });
  const gone = await pods.run('dropped', 'block', { readIops: '81' });
  await driver.kill();
  await guest.shell(`echo '${v.device} riops=max wiops=5' >${v.pod}/io.max; umount ${gone.path}`);
  await driver.launch();
  await pods.untilFile(`${v.pod}/io.max`, ioMax(v.device, { riops: 80 }));
  await pods.untilFile(`${gone.pod}/io.max`, gone.device, false);
});

test('limits the right device after a power cut that changed device numbers, below a configured root', async () => {
  const v = await pods.run('rebooted', 'ext4', { readIops: '90' });
  await guest.shell('sync');
  await guest.powerCut();
  await guest.boot();
  await fill('shuffle', 5);
  // Deeper than the driver searches for cgroups.
  const root = 'a/b/c/d';
  await guest.shell(`sed -i 's|interval: 1h|&, cgroupRoot: /${root}|' ${driver.config}`);
  await driver.launch();
  await driver.ready();
  const pod = await pods.make(v.uid, { root });
  await v.stage();
  await v.publish(v.uid);
  const device = await pods.deviceAt(v.path);
  expect(device).not.toBe(v.device);
  expect(await guest.shell(`cat ${pod}/io.max`)).toBe(`${ioMax(device, { riops: 90 })}\n`);
  expect(await shown(v.id)).toEqual([v.id, v.uid, 'readIops=90', 'readIops=90', 'enforced']);
});
