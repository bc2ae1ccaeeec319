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
import { kubeletAt } from '../support/kubelet.ts';

const guest = useGuest({ disks: ['4G'] });
const pools = `
  - name: fast
    volumeGroup: quarry-fast
    type: thin
    disks: { paths: [/dev/ubda] }
    approve: automatic
    thin: { share: 50%, overprovision: 4 }`;

let driver: Driver;
beforeAll(async () => {
  driver = await startDriver(guest(), { pools });
});
const controller = () => driver.client.controller;

describe('volumes', () => {
  test.each(['thin', 'thick'])('creates and removes a hundred %s volumes at once, each once', async (type) => {
    const names = Array.from({ length: 100 }, (_, index) => `${type}-${index}`);
    const over = { parameters: { type } };
    const calls = names.map((name) => createVolume(driver, name, 4 * MiB, over));
    // Calls for one name compete: each is refused while another is in flight, or finds its volume.
    const again = names.map((name) => outcomeOf(createVolume(driver, name, 4 * MiB, over)));
    const made = await Promise.all(calls);
    for (const { code } of await Promise.all(again)) expect(code).toMatch(/^(?:OK|ABORTED)$/);
    expect(new Set(made).size).toBe(100);
    expect(await createVolume(driver, names[0] ?? '', 4 * MiB, over)).toBe(made[0]);
    const count = "lvs --noheadings -o lv_tags quarry-fast | grep -c 'quarry.role=volume' || true";
    expect(await guest().shell(count)).toBe('100\n');
    expect((await controller().listVolumes({})).entries).toHaveLength(100);
    await Promise.all(made.map((volumeId) => controller().deleteVolume({ volumeId })));
    expect(await guest().shell(count)).toBe('0\n');
  });

  test.each([
    ['Unicode', 'größe-☃-数据'],
    ['spaces, quotes and commas', `a b,c"d'e\\f#g%h@i`],
    ['emoji', '👩‍👩‍👧‍👦🗄️'],
    ['128 bytes', '界'.repeat(42) + 'ab'],
    ["LVM's own words", 'x_tdata'],
    ["the pool's own name", 'thinpool'],
    ['nothing but dots', '..'],
    ['hyphens, which device-mapper doubles', `a${'-'.repeat(60)}b`],
  ])('creates a volume with a name of %s', async (_what, name) => {
    const id = await createVolume(driver, name, 4 * MiB);
    expect(await createVolume(driver, name, 4 * MiB)).toBe(id);
    expect(Buffer.byteLength(id)).toBeLessThanOrEqual(128);
    const staged = { volumeId: id, stagingTargetPath: '/tmp/named', volumeCapability: capabilities.ext4 };
    await driver.client.node.nodeStageVolume(staged);
    await driver.client.node.nodeUnstageVolume(staged);
    await controller().deleteVolume({ volumeId: id });
    expect((await controller().listVolumes({})).entries).toEqual([]);
  });

  test('does not delete a volume while it is staged', async () => {
    const volumeId = await createVolume(driver, 'staged', 16 * MiB);
    const staged = { volumeId, stagingTargetPath: '/tmp/staged', volumeCapability: capabilities.ext4 };
    await driver.client.node.nodeStageVolume(staged);
    expect(await outcomeOf(controller().deleteVolume({ volumeId }))).toMatchObject({
      code: 'FAILED_PRECONDITION',
      details: expect.stringContaining('/tmp/staged'),
    });
    await driver.client.node.nodeUnstageVolume(staged);
    await controller().deleteVolume({ volumeId });
  });

  test.each(['thin', 'thick'])('does not delete a %s volume while another device is built on it', async (type) => {
    const volumeId = await createVolume(driver, `held-${type}`, 16 * MiB, { parameters: { type } });
    const device = `/dev/mapper/quarry--fast-held--${type}`;
    await guest().shell(`DM_DISABLE_UDEV=1 dmsetup create lower --table "0 16384 linear ${device} 0"
      DM_DISABLE_UDEV=1 dmsetup create upper --table "0 16384 linear /dev/mapper/lower 0"
      mkfs.ext4 -q /dev/mapper/upper; mkdir -p /tmp/upper; mount /dev/mapper/upper /tmp/upper`);
    const refusal = await outcomeOf(controller().deleteVolume({ volumeId }));
    expect(refusal).toMatchObject({ code: 'FAILED_PRECONDITION' });
    for (const use of ['/tmp/upper', '/dev/mapper/lower', '/dev/mapper/upper']) expect(refusal.details).toContain(use);
    await guest().shell('umount /tmp/upper; DM_DISABLE_UDEV=1 dmsetup remove upper');
    expect(await outcomeOf(controller().deleteVolume({ volumeId }))).toMatchObject({
      code: 'FAILED_PRECONDITION',
      details: expect.stringContaining('/dev/mapper/lower'),
    });
    await guest().shell('DM_DISABLE_UDEV=1 dmsetup remove lower');
    await controller().deleteVolume({ volumeId });
  });
});

describe('a raw block volume', () => {
  test('is recorded before it is handed out, and never formatted, also after a death in between', async () => {
    const volumeId = await createVolume(driver, 'raw', 16 * MiB);
    const staged = { volumeId, stagingTargetPath: '/tmp/raw', volumeCapability: capabilities.block };
    await driver.client.node.nodeStageVolume(staged);
    await guest().shell('echo data | dd of=/dev/quarry-fast/raw bs=1M seek=8 conv=fsync status=none');
    await driver.client.node.nodeUnstageVolume(staged);
    await driver.kill();
    await driver.launch();
    await driver.ready();
    expect(await guest().shell('lvs --noheadings -o lv_tags quarry-fast/raw')).toContain('quarry.fs=block');
    const asFilesystem = { ...staged, volumeCapability: capabilities.ext4 };
    expect(await outcomeOf(driver.client.node.nodeStageVolume(asFilesystem))).toMatchObject({
      code: 'FAILED_PRECONDITION',
    });
    await driver.client.node.nodeStageVolume(staged);
    expect(await guest().shell('dd if=/dev/quarry-fast/raw bs=4 skip=2M count=1 status=none')).toBe('data');
    await driver.client.node.nodeUnstageVolume(staged);
    await controller().deleteVolume({ volumeId });
  });
});

describe('the driver process', () => {
  /** Locks the group, so that its changes stay in flight until the returned function is called. */
  async function holdLock(): Promise<() => void> {
    const holder = await guest().start(['flock', '/run/lock/lvm/V_quarry-fast', 'sh', '-c', 'echo held; cat']);
    await holder.stdout.waitFor('held');
    return () => holder.endInput();
  }
  const lockAwaited = () => guest().shell("until grep -q -e '-> FLOCK' /proc/locks; do sleep 0.05; done");

  test('finishes calls in flight at SIGTERM, and then exits with 0', async () => {
    const release = await holdLock();
    const call = createVolume(driver, 'last', 4 * MiB);
    await lockAwaited();
    const ended = driver.terminate();
    await driver.logged('"msg":"stopping"');
    release();
    const id = await call;
    expect((await ended).exitCode).toBe(0);
    expect(driver.log()).toContain('"clean":true,"msg":"stopped"');
    await driver.launch();
    await driver.ready();
    expect(await createVolume(driver, 'last', 4 * MiB)).toBe(id);
    await controller().deleteVolume({ volumeId: id });
  });

  test('lets a filesystem check end at SIGTERM, starts no other, and serves meanwhile', async () => {
    const { node } = driver.client;
    const formatted = async (name: string) => {
      const volumeId = await createVolume(driver, name, 16 * MiB);
      const staged = { volumeId, stagingTargetPath: `/tmp/${name}`, volumeCapability: capabilities.ext4 };
      await node.nodeStageVolume(staged);
      await node.nodeUnstageVolume(staged);
      await guest().shell(`tune2fs -c 1 /dev/quarry-fast/${name}`);
      return staged;
    };
    const staged = await formatted('checked');
    const other = await formatted('other');
    // The check waits for a word, and passes it on when it has succeeded.
    await guest()
      .shell(`printf '#!/bin/sh\necho >/tmp/begun; read word </tmp/go; /usr/sbin/e2fsck "$@" && touch /tmp/ended' >/usr/local/sbin/e2fsck
      chmod +x /usr/local/sbin/e2fsck; mkfifo /tmp/begun /tmp/go`);
    const stage = node.nodeStageVolume(staged);
    await guest().shell('cat /tmp/begun');
    const ended = driver.terminate();
    await driver.logged('"waitingFor":["fsck of /dev/mapper/');
    expect(await outcomeOf(node.nodeStageVolume(other))).toMatchObject({ code: 'UNAVAILABLE' });
    await controller().deleteVolume({ volumeId: other.volumeId });
    await guest().shell('echo > /tmp/go');
    await stage;
    expect((await ended).exitCode).toBe(0);
    expect(await guest().shell('rm /usr/local/sbin/e2fsck && ls /tmp/ended')).toBe('/tmp/ended\n');
    await driver.launch();
    await driver.ready();
    await node.nodeUnstageVolume(staged);
    await controller().deleteVolume({ volumeId: staged.volumeId });
  });

  test('leaves the socket of a running driver alone, and replaces that of a dead one', async () => {
    const second = await driver.quarry('all');
    expect(second).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('another process serves') });
    expect((await driver.client.identity.probe({})).ready?.value).toBe(true);
    await driver.kill();
    expect(await guest().shell(`test -S ${driver.socket} && echo stale`)).toBe('stale\n');
    await driver.launch();
    await driver.ready();
  });

  test('is not ready, and answers about no volume, until LVM has answered', async () => {
    const volumeId = await createVolume(driver, 'kept', 4 * MiB);
    await driver.terminate();
    // An earlier process may have left this configuration, with which LVM would see no disk.
    await guest().shell(`sed -i 's/^  filter = .*/  filter = ["r|.*|"]/' /run/quarry/lvm/lvmlocal.conf
      printf '#!/bin/sh\\nread word </tmp/gate; exec /usr/sbin/lvm "$@"' >/usr/local/sbin/lvm
      mkfifo /tmp/gate; chmod +x /usr/local/sbin/lvm`);
    await driver.launch();
    expect((await driver.client.identity.probe({})).ready?.value).toBe(false);
    for (const call of [
      controller().deleteVolume({ volumeId }),
      controller().controllerGetVolume({ volumeId }),
      controller().controllerExpandVolume({ volumeId, capacityRange: { requiredBytes: '1' } }),
      createVolume(driver, 'kept', 4 * MiB),
      controller().listVolumes({}),
      controller().getCapacity({}),
      driver.client.node.nodeStageVolume({ volumeId, stagingTargetPath: '/x', volumeCapability: capabilities.ext4 }),
    ]) {
      expect((await outcomeOf(call)).code).toBe('UNAVAILABLE');
    }
    const gate = await guest().start(['sh', '-c', 'rm /usr/local/sbin/lvm; while :; do echo go >/tmp/gate; done']);
    await driver.ready();
    gate.kill('SIGKILL');
    expect(await createVolume(driver, 'kept', 4 * MiB)).toBe(volumeId);
    await controller().deleteVolume({ volumeId });
  });

  test('registers with kubelet, and answers the probes of its pod', async () => {
    await guest().shell('mkdir -p /var/lib/kubelet/plugins_registry');
    const more = 'registration: {mode: self}\nmetrics: {listen: "127.0.0.1:9810"}';
    const registered = await prepareDriver(guest(), { name: 'registered', pools: '  []', more });
    await registered.launch();
    await registered.logged('offered to kubelet');
    const script = 'fetch(process.argv[1]).then(async (answer) => console.log(answer.status, await answer.text()))';
    const probe = async (path: string): Promise<string> =>
      (await guest().exec([GUEST_NODE, '-e', script, `http://127.0.0.1:9810${path}`])).stdout.trim();
    expect(await probe('/readyz')).toBe('503 kubelet has not called yet');
    const socket = '/var/lib/kubelet/plugins_registry/lvm.quarry.csi-reg.sock';
    using kubelet = kubeletAt(await guest().forward(socket));
    const { endpoint } = await kubelet.getInfo();
    expect(endpoint).toBe(registered.socket);
    await kubelet.notify();
    expect(await probe('/readyz')).toBe('200 ok');
    expect(await probe('/healthz')).toBe('200 ok');
    expect((await registered.terminate()).exitCode).toBe(0);
    expect((await guest().shell(`ls -A ${socket.slice(0, socket.lastIndexOf('/'))}`)).trim()).toBe('');
    await registered.launch({ words: ['--registration=external'] });
    await registered.ready();
    expect(await probe('/readyz')).toBe('200 ok');
    await registered.kill();
  });

  test('creates a thick volume with LVM of a container, without udev', async () => {
    await driver.kill();
    await guest().shell(String.raw`sed -i.kept 's/\(udev_[a-z]*\) = 0/\1 = 1/' /etc/lvm/lvmlocal.conf`);
    await using contained = await startDriver(guest(), { name: 'contained', pools, more: 'lvm: { mode: container }' });
    const volumeId = await createVolume(contained, 'contained', 4 * MiB, { parameters: { type: 'thick' } });
    await contained.client.controller.deleteVolume({ volumeId });
    await guest().shell('mv /etc/lvm/lvmlocal.conf.kept /etc/lvm/lvmlocal.conf');
  });

  test('does not start with an invalid configuration', async () => {
    await using other = await prepareDriver(guest(), { pools: '  - { name: x }', name: 'wrong' });
    expect((await other.quarry('all')).exitCode).toBe(2);
  });
});
