import { describe, expect, test } from 'vitest';
import type { AccessMode } from '../../../src/domain/capability.ts';
import { isFailure } from '../../../src/domain/errors.ts';
import { createNodeService, type NodeService } from '../../../src/node/service.ts';
import { blockCapability, call, mountCapability, publishRequest, staging, stageRequest, target } from './calls.ts';
import { FakeNode, node } from './fake-node.ts';

async function staged(capability = mountCapability()): Promise<{ fake: FakeNode; service: NodeService; id: string }> {
  const fake = new FakeNode();
  const id = fake.addVolume('a');
  const service = createNodeService({ ...fake.tools, node, driver: 'd.test' });
  await service.nodeStageVolume(stageRequest(id, capability), call);
  fake.changes.length = 0;
  return { fake, id, service };
}

test('records the use of a block device that was staged without a record before a pod gets it', async () => {
  const { fake, id, service } = await staged(blockCapability());
  Object.assign(fake.disks.get('a') ?? {}, { tag: 'none' });
  await service.nodePublishVolume(publishRequest(id, blockCapability()), call);
  expect(fake.changes[0]).toBe('record block');
  expect(fake.disks.get('a')?.tag).toBe('block');
});

test.each([
  ['the staging path itself', staging],
  ['below it', `${staging}/mount`],
  ['above it', '/kubelet'],
])('refuses a target that is %s, because it would change the staged volume', async (_, targetPath) => {
  const { fake, id, service } = await staged();
  const request = publishRequest(id, mountCapability(), { targetPath });
  await expect(service.nodePublishVolume(request, call)).rejects.toMatchObject({ kind: 'invalid' });
  expect(fake.changes).toEqual([]);
});

describe('publishing a filesystem', () => {
  test('binds the staged mount to the target, once', async () => {
    const { fake, id, service } = await staged();
    await service.nodePublishVolume(publishRequest(id), call);
    await service.nodePublishVolume(publishRequest(id), call);
    expect(fake.changes).toEqual([`mkdir ${target}`, `bind ${target}`]);
  });

  test.each([
    ['the request', mountCapability(), true],
    ['a flag', mountCapability('ext4', ['ro']), false],
    ['the mode', mountCapability('ext4', [], 'SINGLE_NODE_READER_ONLY'), false],
  ])('publishes read-only because of %s, and repeats it', async (_, capability, readonly) => {
    const { fake, id, service } = await staged();
    await service.nodePublishVolume(publishRequest(id, capability, { readonly }), call);
    await service.nodePublishVolume(publishRequest(id, capability, { readonly }), call);
    expect(fake.table.at(-1)).toMatchObject({ target, readOnly: true });
    expect(fake.table).toHaveLength(2);
  });

  test('publishes a volume read-only that is staged read-only, and repeats it', async () => {
    const { fake, id, service } = await staged(mountCapability('ext4', ['ro']));
    await service.nodePublishVolume(publishRequest(id), call);
    await service.nodePublishVolume(publishRequest(id), call);
    expect(fake.table).toHaveLength(2);
  });

  test('refuses a target that is in use for another volume or another mode', async () => {
    const { fake, id, service } = await staged();
    await service.nodePublishVolume(publishRequest(id), call);
    await expect(
      service.nodePublishVolume(publishRequest(id, undefined, { readonly: true }), call),
    ).rejects.toMatchObject({ kind: 'exists' });
    const other = fake.addVolume('b');
    await service.nodeStageVolume({ ...stageRequest(other), stagingTargetPath: '/other' }, call);
    const wrong = publishRequest(other, undefined, { stagingTargetPath: '/other' });
    await expect(service.nodePublishVolume(wrong, call)).rejects.toMatchObject({ kind: 'exists' });
  });

  test.each<[AccessMode, boolean]>([
    ['SINGLE_NODE_WRITER', false],
    ['SINGLE_NODE_SINGLE_WRITER', false],
    ['SINGLE_NODE_MULTI_WRITER', true],
    ['SINGLE_NODE_READER_ONLY', true],
  ])('decides about a second target with %s: %s', async (mode, allowed) => {
    const { fake, id, service } = await staged();
    const capability = mountCapability('ext4', [], mode);
    await service.nodePublishVolume(publishRequest(id, capability), call);
    const second = service.nodePublishVolume(publishRequest(id, capability, { targetPath: '/second' }), call);
    const outcome = await second.then(
      () => 'published',
      (error: unknown) => (isFailure(error, 'precondition') ? error.message : String(error)),
    );
    expect(outcome).toContain(allowed ? 'published' : `published at ${target}`);
    expect(fake.table).toHaveLength(allowed ? 3 : 2);
  });

  test('refuses a volume that is not staged with that access', async () => {
    const { id, service } = await staged();
    const elsewhere = publishRequest(id, undefined, { stagingTargetPath: '/nowhere' });
    await expect(service.nodePublishVolume(elsewhere, call)).rejects.toMatchObject({ kind: 'precondition' });
    await expect(service.nodePublishVolume(publishRequest(id, blockCapability()), call)).rejects.toMatchObject({
      kind: 'precondition',
    });
    const without = publishRequest(id, undefined, { stagingTargetPath: '' });
    await expect(service.nodePublishVolume(without, call)).rejects.toMatchObject({ kind: 'precondition' });
  });

  test('refuses a staging mount of another device, for example after a reused device number', async () => {
    const { fake, id, service } = await staged();
    fake.addVolume('a0');
    fake.table = fake.table.map((mount) => Object.assign(mount, { device: '253:1' }));
    await expect(service.nodePublishVolume(publishRequest(id), call)).rejects.toMatchObject({ kind: 'precondition' });
  });
});

describe('publishing a block device', () => {
  test('binds the device node to a file, once', async () => {
    const { fake, id, service } = await staged(blockCapability());
    await service.nodePublishVolume(publishRequest(id, blockCapability()), call);
    await service.nodePublishVolume(publishRequest(id, blockCapability()), call);
    expect(fake.paths.get(target)).toBe('file');
    expect(fake.changes).toEqual([`touch ${target}`, `bind ${target}`]);
  });

  test('publishes read-only for a pod, which kubelet restricts to reads, and refuses to publish it again for writing', async () => {
    const { fake, id, service } = await staged(blockCapability());
    const volumeContext = { 'csi.storage.k8s.io/pod.uid': 'b0c2d9f0' };
    const request = publishRequest(id, blockCapability(), { readonly: true, volumeContext });
    await service.nodePublishVolume(request, call);
    await service.nodePublishVolume(request, call);
    expect(fake.changes).toEqual([`touch ${target}`, `bind ${target}`]);
    const writing = service.nodePublishVolume({ ...request, readonly: false }, call);
    await expect(writing).rejects.toMatchObject({ kind: 'exists' });
  });

  test('refuses to publish read-only without a pod, because nothing would enforce it', async () => {
    const { fake, id, service } = await staged(blockCapability());
    await expect(
      service.nodePublishVolume(publishRequest(id, blockCapability(), { readonly: true }), call),
    ).rejects.toMatchObject({ kind: 'precondition' });
    expect(fake.changes).toEqual([]);
  });
});

describe('unpublishing', () => {
  test.each(['mount', 'block'] as const)('undoes a publish for %s access with all its layers', async (access) => {
    const capability = access === 'block' ? blockCapability() : mountCapability();
    const { fake, id, service } = await staged(capability);
    const before = fake.state();
    await service.nodePublishVolume(publishRequest(id, capability), call);
    fake.table = [...fake.table, ...fake.table.filter((mount) => mount.target === target)];
    await service.nodeUnpublishVolume({ volumeId: id, targetPath: target }, call);
    await service.nodeUnpublishVolume({ volumeId: id, targetPath: target }, call);
    expect(fake.state()).toEqual(before);
  });

  test('works after the volume was deleted', async () => {
    const { fake, id, service } = await staged();
    await service.nodePublishVolume(publishRequest(id), call);
    fake.disks.clear();
    await service.nodeUnpublishVolume({ volumeId: id, targetPath: target }, call);
    expect(fake.table).toHaveLength(1);
  });
});

describe('limits', () => {
  test('enforces the limits after each publish, also a repeated one, and again after an unpublish', async () => {
    const { fake, id, service } = await staged();
    await service.nodePublishVolume(publishRequest(id), call);
    await service.nodePublishVolume(publishRequest(id), call);
    await service.nodeUnpublishVolume({ volumeId: id, targetPath: target }, call);
    expect(fake.settled).toEqual([target, target, 'changed']);
  });

  test('fails a strict publish until the limits are in force, and no other publish', async () => {
    const { fake, id, service } = await staged();
    fake.shortfall = 'the pod has no cgroup';
    await service.nodePublishVolume(publishRequest(id), call);
    fake.enforcement = 'strict';
    const publish = (): Promise<unknown> => service.nodePublishVolume(publishRequest(id), call);
    await expect(publish()).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('the pod has no cgroup'),
    });
    fake.shortfall = undefined;
    await publish();
  });
});
