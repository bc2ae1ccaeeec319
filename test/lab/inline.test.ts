import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Guest } from '../../lab/guest.ts';
import { createHash } from 'node:crypto';
import { type Driver, outcomeOf, startDriver, untilDone, volumeRequest } from '../support/driver.ts';
import { useGuest } from '../support/guest.ts';

const guestOf = useGuest({ disks: ['1G'] });
const pools = `
  - name: fast
    volumeGroup: qfast
    type: thin
    disks: { paths: ["/dev/ubda"] }
    approve: automatic
    thin: { share: 60% }`;

let guest: Guest;
let driver: Driver;
beforeAll(async () => {
  guest = guestOf();
  driver = await startDriver(guest, { pools, more: 'rescan: 24h\nlog: { level: debug }' });
  // A pod of another driver, as every node has one.
  await guest.shell('mkdir -p /var/lib/kubelet/pods/another /sys/fs/cgroup/kubepods');
});

const folderOf = (pod: string): string => `/var/lib/kubelet/pods/${pod}/volumes/kubernetes.io~csi/scratch`;

/** The calls of kubelet for the inline volume of a pod. */
function inlineVolume(pod: string, attributes: Readonly<Record<string, string>> = { size: '64Mi' }) {
  const volumeId = `csi-${createHash('sha256').update(pod).digest('hex')}`;
  const targetPath = `${folderOf(pod)}/mount`;
  const info = { ephemeral: 'true', 'pod.uid': pod, 'pod.namespace': 'default', 'pod.name': 'worker' };
  const context = Object.fromEntries(Object.entries(info).map(([key, value]) => [`csi.storage.k8s.io/${key}`, value]));
  return {
    target: targetPath,
    makeFolder: () => guest.shell(`mkdir -p ${folderOf(pod)}`),
    removePod: () => guest.shell(`rm -r /var/lib/kubelet/pods/${pod}`),
    publish: () =>
      driver.client.node.nodePublishVolume({
        volumeId,
        targetPath,
        volumeCapability: { mount: { fsType: 'ext4' }, accessMode: { mode: 'SINGLE_NODE_WRITER' } },
        volumeContext: { ...context, ...attributes },
      }),
    unpublish: () => driver.client.node.nodeUnpublishVolume({ volumeId, targetPath }),
    stats: () => driver.client.node.nodeGetVolumeStats({ volumeId, volumePath: targetPath }),
  };
}

/** The names of all logical volumes but the thin pool. */
async function logicalVolumes(): Promise<string[]> {
  const names = (await guest.shell('lvs --noheadings -o lv_name qfast')).trim().split(/\s+/);
  return names.filter((name) => name !== 'thinpool');
}

async function expectNothingLeft(): Promise<void> {
  expect(await logicalVolumes()).toEqual([]);
  expect(await guest.shell('grep kubernetes.io~csi /proc/self/mountinfo || true')).toBe('');
  expect(await guest.shell('ls /dev/mapper | grep q-  || true')).toBe('');
}

describe('the inline volume of a pod', () => {
  test('is made, limited, listed to no one else, and gone with the pod', async () => {
    const pod = 'aaaaaaaa-0000-4000-8000-000000000001';
    await guest.shell(`mkdir /sys/fs/cgroup/kubepods/pod${pod}`);
    const volume = inlineVolume(pod, { size: '64Mi', type: 'thick', writeIops: '50' });
    await volume.makeFolder();
    await volume.publish();
    await guest.shell(`echo kept > ${volume.target}/file`);
    await volume.publish();
    expect(await guest.shell(`cat ${volume.target}/file; cat /sys/fs/cgroup/kubepods/pod${pod}/io.max`)).toMatch(
      /^kept\n.*wiops=50/,
    );
    const { usage } = await volume.stats();
    expect(Number(usage[0]?.total)).toBeGreaterThan(50 * 2 ** 20);
    expect((await driver.client.controller.listVolumes({})).entries).toEqual([]);
    const [lv] = await logicalVolumes();
    const volumeId = `node-1:${lv}`;
    expect((await outcomeOf(driver.client.controller.deleteVolume({ volumeId }))).code).toBe('FAILED_PRECONDITION');
    const request = volumeRequest('a', 0, { volumeContentSource: { volume: { volumeId } } });
    expect((await outcomeOf(driver.client.controller.createVolume(request))).code).not.toBe('OK');
    await volume.unpublish();
    await volume.unpublish();
    await expectNothingLeft();
    await volume.removePod();
  });

  test('is encrypted with a key that is in memory only, so that it is a new one after a power cut', async () => {
    const volume = inlineVolume('encrypted', { size: '64Mi', encryption: 'luks2' });
    await volume.makeFolder();
    await volume.publish();
    await guest.shell(`printf hidden-%s 4711 > ${volume.target}/file; sync -f ${volume.target}`);
    await driver.restart();
    await volume.publish();
    expect(await guest.shell(`cat ${volume.target}/file`)).toBe('hidden-4711');
    const found = "tr -d '\\0' < /dev/ubda | LC_ALL=C grep -a -c hidden-4711 || true";
    expect(await guest.shell(found)).toBe('0\n');
    await driver.powerCut();
    await volume.makeFolder();
    await volume.publish();
    expect(await guest.shell(`ls -A ${volume.target}`)).toBe('lost+found\n');
    await volume.unpublish();
    await expectNothingLeft();
    expect(await guest.shell('ls /dev/mapper | grep luks || true')).toBe('');
    await volume.removePod();
  });

  test('is refused with what would fit where there is no room', async () => {
    const volume = inlineVolume('too-large', { size: '100Gi' });
    await volume.makeFolder();
    const { code, details } = await outcomeOf(volume.publish());
    expect(code).toBe('RESOURCE_EXHAUSTED');
    expect(details).toMatch(/can hold a thin volume of \d+ bytes at most; 107374182400 were asked for/);
    await volume.unpublish();
    await expectNothingLeft();
    await volume.removePod();
  });
});

describe.each([
  ['kill -9', () => driver.kill()],
  [
    'a power cut',
    async () => {
      await guest.powerCut();
      await guest.boot();
    },
  ],
] as const)('after %s', (what, cut) => {
  const tag = what.startsWith('kill') ? 'kill' : 'cut';
  const steps = tag === 'kill' ? ['lvcreate', 'mkfs.ext4', '"mount","-t"'] : ['mkfs.ext4'];
  test.each(steps)(
    'during %s, a publish goes on, an unpublish removes all, and so does a start without the pod',
    async (step) => {
      const pods = ['again', 'undone', 'gone'].map((end) => `${tag}-${steps.indexOf(step)}-${end}`);
      const [again, undone, gone] = pods.map((pod) => inlineVolume(pod)) as [Volume, Volume, Volume];
      for (const volume of [again, undone, gone]) await volume.makeFolder();
      const seen = driver.log().split(step).length;
      const calls = [again, undone, gone].map((volume) => outcomeOf(volume.publish()));
      await untilLogged(step, seen);
      await cut();
      await Promise.all(calls);
      await removeFolder(gone, pods[2]);
      await driver.launch();
      await driver.ready();
      await untilDone(again.publish);
      await guest.shell(`echo used > ${again.target}/file`);
      await untilDone(undone.unpublish);
      await untilDone(again.unpublish);
      await untilGone();
      await expectNothingLeft();
      await again.removePod();
      await undone.removePod();
    },
  );
});

type Volume = ReturnType<typeof inlineVolume>;

/** As kubelet and an administrator would. What the killed driver had started may still mount. */
async function removeFolder({ target }: Volume, pod = ''): Promise<void> {
  const folder = `/var/lib/kubelet/pods/${pod}`;
  await guest.shell(`until rm -r ${folder} 2>/dev/null || ! [ -e ${folder} ]; do umount -q ${target} || true; done`);
}

/** Resolves when the log has the text once more than it had, `seen` counting one for none. */
async function untilLogged(text: string, seen: number): Promise<void> {
  while (driver.log().split(text).length <= seen) await delay(100);
}

/** The look for abandoned volumes follows the first reconciliation. */
async function untilGone(): Promise<void> {
  while ((await logicalVolumes()).length > 0) await delay(100);
}

test('stays while it is in use, and while the folders of pods cannot be seen', async () => {
  const volume = inlineVolume('stays');
  await volume.makeFolder();
  await volume.publish();
  await guest.shell('mv /var/lib/kubelet/pods/stays /var/lib/kubelet/moved');
  await driver.restart();
  expect(await driver.logged('an inline volume was left alone')).toContain('is in use at /var/lib/kubelet/moved');
  expect(await logicalVolumes()).toHaveLength(1);
  await guest.shell('umount /var/lib/kubelet/moved/volumes/*/scratch/mount; mv /var/lib/kubelet /var/lib/other');
  await driver.restart();
  expect(await driver.logged('an inline volume was left alone')).toContain('could not be examined');
  expect(await logicalVolumes()).toHaveLength(1);
  await guest.shell('mv /var/lib/other /var/lib/kubelet');
  await driver.restart();
  await driver.logged('an inline volume was removed because its pod is gone');
  await expectNothingLeft();
});
