import { describe, expect, test } from 'vitest';
import type { NodePublishVolumeRequest } from '../../../src/gen/csi/v1/NodePublishVolumeRequest.ts';
import { createNodeService } from '../../../src/node/service.ts';
import { blockCapability, call, failure, mountCapability, publishRequest, stageRequest } from './calls.ts';
import { FakeNode, node } from './fake-node.ts';
import type { InlineVolumes } from '../../../src/domain/storage.ts';

const handle = `csi-${'0123456789abcdef'.repeat(4)}`;
const targetPath = '/kubelet/pods/u-1/volumes/kubernetes.io~csi/scratch/mount';

function requestOf(attributes: Readonly<Record<string, string>> = {}, changes: Partial<NodePublishVolumeRequest> = {}) {
  const pod = { ephemeral: 'true', 'pod.uid': 'u-1', 'pod.namespace': 'default', 'pod.name': 'worker' };
  const context = Object.entries(pod).map(([key, value]) => [`csi.storage.k8s.io/${key}`, value]);
  const volumeContext = { ...Object.fromEntries(context), ...attributes };
  return publishRequest(handle, mountCapability(), { stagingTargetPath: '', targetPath, volumeContext, ...changes });
}

function setup(layers: readonly string[] = []) {
  const fake = new FakeNode(layers);
  const service = createNodeService({ ...fake.tools, node, driver: 'd.test' });
  const publish = (attributes = {}, changes = {}) => service.nodePublishVolume(requestOf(attributes, changes), call);
  const unpublish = () => service.nodeUnpublishVolume({ volumeId: handle, targetPath }, call);
  return { fake, service, publish, unpublish };
}

describe.each([
  ['a logical volume alone', []],
  ['a stack of two layers', ['low', 'high']],
])('an inline volume on %s', (_, layers) => {
  test('is created, formatted and mounted at the target once, and its statistics can be read by its handle', async () => {
    const { fake, service, publish } = setup(layers);
    await publish({ size: '1Gi' });
    await publish({ size: '1Gi' });
    expect(fake.changes.filter((change) => !/low|high/.test(change))).toEqual([
      'create',
      'mkfs ext4',
      'record ext4',
      `mkdir ${targetPath}`,
      `mount ${targetPath}`,
    ]);
    expect(fake.settled).toEqual([targetPath, targetPath]);
    const pod = { uid: 'u-1', namespace: 'default', name: 'worker' };
    expect(fake.tools.inline.list()).toMatchObject([{ inline: { target: targetPath, pod } }]);
    const stats = await service.nodeGetVolumeStats(
      { volumeId: handle, volumePath: targetPath, stagingTargetPath: '' },
      call,
    );
    expect(stats.usage).toHaveLength(2);
  });

  test('is the same after a publish that died at any change and was repeated', async () => {
    const undisturbed = setup(layers);
    await undisturbed.publish({ size: '1Gi' });
    for (let step = 1; step <= undisturbed.fake.changes.length; step++) {
      for (const when of ['before', 'after'] as const) {
        const { fake, publish } = setup(layers);
        fake.dieAt({ step, when });
        await expect(publish({ size: '1Gi' })).rejects.toThrow('died');
        fake.dieAt(undefined);
        await publish({ size: '1Gi' });
        expect(fake.state(), `${when} change ${step}`).toEqual(undisturbed.fake.state());
      }
    }
  });

  test('leaves nothing if it is unpublished after a publish or an unpublish that died at any change', async () => {
    const whole = setup(layers);
    await whole.publish();
    const changes = whole.fake.changes.length;
    await whole.unpublish();
    const all = whole.fake.changes.length;
    for (let step = 1; step <= all; step++) {
      const { fake, publish, unpublish } = setup(layers);
      fake.dieAt({ step, when: 'after' });
      await expect(step <= changes ? publish() : publish().then(unpublish)).rejects.toThrow('died');
      fake.dieAt(undefined);
      await unpublish();
      expect(fake.state(), `change ${step}`).toEqual(new FakeNode().state());
    }
  });
});

test('removes the volume before the mount point, because kubelet removes its folder after the call', async () => {
  const { fake, publish, unpublish } = setup();
  await publish();
  fake.changes.length = 0;
  await unpublish();
  await unpublish();
  expect(fake.changes.slice(0, 3)).toEqual([`umount ${targetPath}`, 'delete', `remove ${targetPath}`]);
  expect(fake.settled.at(-1)).toBe('changed');
});

test.each(['gone', 'unknown'] as const)('creates nothing while the folder of the pod is %s', async (state) => {
  const { fake, publish } = setup();
  fake.podFolder = state;
  await failure(state === 'gone' ? 'precondition' : 'unavailable', publish());
  expect(fake.changes).toEqual([]);
});

test('fails a publish whose strict limits are not in force, and leaves the mount for the next attempt', async () => {
  const { fake, publish } = setup();
  fake.enforcement = 'strict';
  fake.shortfall = 'no cgroup';
  expect(await failure('unavailable', publish())).toContain('no cgroup');
  expect(fake.table).toHaveLength(1);
});

test('refuses a second call for the same volume while one is in progress', async () => {
  const { publish, unpublish } = setup();
  const first = publish();
  await failure('busy', publish());
  await failure('busy', unpublish());
  await first;
});

test('mounts read-only what is asked for read-only, and refuses another form of it at the same target', async () => {
  const { fake, publish } = setup();
  await publish({}, { readonly: true });
  await publish({}, { readonly: true });
  expect(fake.table).toMatchObject([{ target: targetPath, readOnly: true }]);
  expect(await failure('exists', publish())).toContain(targetPath);
});

test('names every problem of the request and of the attributes', async () => {
  const { fake, publish } = setup();
  const attributes = {
    size: '0',
    pool: 'Fast',
    readIops: 'many',
    reservedReadIops: '5',
    mkfsOptions: '-d /etc',
    snapshotSize: '5%',
    sise: '1Gi',
  };
  const changes = { volumeId: 'inline', targetPath: '/tmp/x', volumeCapability: blockCapability() };
  const message = await failure('invalid', publish(attributes, changes));
  expect(message).toContain('"mkfsOptions" is not offered');
  for (const problem of ['volume_id "inline"', 'target_path must', 'raw block', ...Object.keys(attributes)]) {
    expect(message).toContain(problem);
  }
  expect(fake.changes).toEqual([]);
});

test('refuses a target that is too long for a tag', async () => {
  const { publish } = setup();
  const ofLength = (length: number) => ({ targetPath: `/${'k'.repeat(length - targetPath.length - 1)}${targetPath}` });
  expect(await failure('invalid', publish({}, ofLength(321)))).toContain('longer than 320 bytes');
  await publish({}, ofLength(320));
});

test('gives a filesystem the least that it needs', async () => {
  const { fake, publish } = setup();
  await publish({ size: '10Mi' }, { volumeCapability: mountCapability('xfs') });
  expect([...fake.disks.values()].map(({ size }) => size)).toEqual([300n * 1024n * 1024n]);
});

test('does not stage the inline volume of a pod by its id', async () => {
  const { fake, service, publish } = setup();
  await publish();
  const id = fake.tools.inline.idOf(handle as never);
  expect(await failure('precondition', service.nodeStageVolume(stageRequest(id), call))).toContain('belongs to a pod');
});

test('an encrypted inline volume is made again if its key is gone, and stays while it is open', async () => {
  const fake = new FakeNode(['luks']);
  const encryption = { type: 'luks2', cipher: 'aes-xts-plain64', keySize: 512, memory: 1n, options: [] } as const;
  const inline: InlineVolumes = {
    ...fake.tools.inline,
    create: async (...words) => ({ ...(await fake.tools.inline.create(...words)), encryption }),
  };
  const service = createNodeService({ ...fake.tools, inline, node, driver: 'd.test' });
  const publish = () => service.nodePublishVolume(requestOf(), call);
  // The first has no header yet, which its record says.
  await createNodeService({ ...fake.tools, node, driver: 'd.test' }).nodePublishVolume(requestOf(), call);
  fake.changes.length = 0;
  await publish();
  expect(fake.changes).toEqual([]);
  fake.reboot();
  await publish();
  expect(fake.changes.slice(0, 2)).toEqual(['delete', 'create']);
});

test('an inline volume is mounted with the options of its capability, and read-only by the request alone', async () => {
  const { fake } = setup();
  const options: (readonly string[])[] = [];
  const { mounts } = fake.tools;
  const spied: typeof mounts = {
    ...mounts,
    mount: async (device, where, filesystem, flags) => {
      options.push(flags);
      return mounts.mount(device, where, filesystem, flags);
    },
  };
  const service = createNodeService({ ...fake.tools, mounts: spied, node, driver: 'd.test' });
  const volumeCapability = mountCapability('ext4', ['rw', 'noatime']);
  await service.nodePublishVolume(requestOf({}, { volumeCapability }), call);
  expect(options).toEqual([['noatime']]);
});
