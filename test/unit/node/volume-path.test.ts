import { describe, expect, test } from 'vitest';
import { createNodeService, type NodeService } from '../../../src/node/service.ts';
import {
  blockCapability,
  call,
  failure,
  mountCapability,
  publishRequest,
  staging,
  stageRequest,
  target,
} from './calls.ts';
import { MiB } from '../../../src/domain/bytes.ts';
import { FakeNode, GiB, node } from './fake-node.ts';

async function published(
  capability = mountCapability(),
  readonly = false,
  layers: string[] = [],
): Promise<{ fake: FakeNode; service: NodeService; id: string }> {
  const fake = new FakeNode(layers);
  const id = fake.addVolume('a');
  const service = createNodeService({ ...fake.tools, node, driver: 'd.test' });
  await service.nodeStageVolume(stageRequest(id, capability), call);
  await service.nodePublishVolume(publishRequest(id, capability, { readonly }), call);
  fake.changes.length = 0;
  return { fake, id, service };
}

function at(volumeId: string, volumePath: string): { volumeId: string; volumePath: string; stagingTargetPath: string } {
  return { volumeId, volumePath, stagingTargetPath: '' };
}

describe('statistics', () => {
  test.each([target, staging])('returns bytes and inodes of a filesystem at %s', async (path) => {
    const { id, service } = await published();
    expect((await service.nodeGetVolumeStats(at(id, path), call)).usage).toEqual([
      { unit: 'BYTES', total: '100', used: '40', available: '60' },
      { unit: 'INODES', total: '10', used: '4', available: '6' },
    ]);
  });

  test.each([target, staging])('returns the size of a block device at %s', async (path) => {
    const { id, service } = await published(blockCapability());
    const { usage } = await service.nodeGetVolumeStats(at(id, path), call);
    expect(usage).toEqual([{ unit: 'BYTES', total: String(GiB) }]);
  });

  test.each(['some/path', '/elsewhere', `${target}/below`])('throws not-found at %s', async (path) => {
    const { id, service } = await published();
    await expect(service.nodeGetVolumeStats(at(id, path), call)).rejects.toMatchObject({ kind: 'not-found' });
  });

  test('throws not-found at the path of another volume', async () => {
    const { fake, service } = await published();
    await expect(service.nodeGetVolumeStats(at(fake.addVolume('b'), target), call)).rejects.toMatchObject({
      kind: 'not-found',
    });
  });
});

describe('expansion', () => {
  const request = (
    volumeId: string,
    requiredBytes: bigint,
    limitBytes = 0n,
  ): Parameters<NodeService['nodeExpandVolume']>[0] => ({
    ...at(volumeId, target),
    capacityRange: { requiredBytes: String(requiredBytes), limitBytes: String(limitBytes) },
    volumeCapability: null,
    secrets: {},
  });

  test('grows the filesystem to its device and returns the size', async () => {
    const { fake, id, service } = await published();
    const disk = fake.disks.get('a');
    if (disk) disk.size = 2n * GiB;
    expect(await service.nodeExpandVolume(request(id, 2n * GiB), call)).toEqual({ capacityBytes: String(2n * GiB) });
    expect(disk?.content).toMatchObject({ size: 2n * GiB });
  });

  test('is refused by its name while another call works on the volume', async () => {
    const { fake, id, service } = await published();
    await fake.tools.locks.hold(id, 'NodeUnpublishVolume', () =>
      expect(service.nodeExpandVolume(request(id, GiB), call)).rejects.toMatchObject({
        kind: 'busy',
        message: expect.stringMatching(/^NodeUnpublishVolume is in progress for .*; NodeExpandVolume/),
      }),
    );
  });

  test('grows the layers from the bottom to the top, then the filesystem', async () => {
    const { fake, id, service } = await published(mountCapability(), false, ['low', 'high']);
    const disk = fake.disks.get('a');
    if (disk) disk.size = 2n * GiB;
    expect(await service.nodeExpandVolume(request(id, 2n * GiB), call)).toEqual({ capacityBytes: String(2n * GiB) });
    expect(fake.changes).toEqual(['resize low', 'resize high', 'grow']);
    expect(disk?.content).toMatchObject({ size: 2n * GiB });
  });

  test('changes nothing if the filesystem already has the size', async () => {
    const { fake, id, service } = await published();
    expect(await service.nodeExpandVolume(request(id, GiB), call)).toEqual({ capacityBytes: String(GiB) });
    expect(fake.changes).toEqual([]);
  });

  test('refuses a btrfs below 256 MiB, which the kernel cannot resize, and says why', async () => {
    const { fake, id, service } = await published(mountCapability('btrfs'));
    const disk = fake.disks.get('a');
    if (disk) Object.assign(disk, { size: 200n * MiB, content: { type: 'btrfs', state: 'used', size: 112n * MiB } });
    expect(await failure('precondition', service.nodeExpandVolume(request(id, 200n * MiB), call))).toContain('256 MiB');
    if (disk) disk.size = 256n * MiB;
    await service.nodeExpandVolume(request(id, 256n * MiB), call);
    expect(fake.changes).toEqual(['grow']);
  });

  test('does nothing for a block device', async () => {
    const { fake, id, service } = await published(blockCapability());
    expect(await service.nodeExpandVolume(request(id, GiB), call)).toEqual({ capacityBytes: String(GiB) });
    expect(fake.changes).toEqual([]);
  });

  test('refuses a size above that of the device, and a limit below it', async () => {
    const { id, service } = await published();
    await expect(service.nodeExpandVolume(request(id, GiB + 1n), call)).rejects.toMatchObject({ kind: 'out-of-range' });
    await expect(service.nodeExpandVolume(request(id, 1n, GiB - 1n), call)).rejects.toMatchObject({
      kind: 'out-of-range',
    });
  });

  test('grows a volume that is published read-only through its staging mount', async () => {
    const { fake, id, service } = await published(mountCapability(), true);
    const disk = fake.disks.get('a');
    if (disk) disk.size = 2n * GiB;
    await service.nodeExpandVolume(request(id, 2n * GiB), call);
    expect(fake.changes).toEqual(['grow']);
    if (disk) disk.size = 3n * GiB;
    fake.table = fake.table.filter((mount) => mount.readOnly);
    await expect(service.nodeExpandVolume(request(id, GiB), call)).rejects.toMatchObject({ kind: 'precondition' });
  });
});
