import { describe, expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
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
import { type Disk, FakeNode, GiB, node } from './fake-node.ts';

function setup(disk: Partial<Disk> = {}): { fake: FakeNode; service: NodeService; id: string } {
  const fake = new FakeNode();
  const id = fake.addVolume('a', disk);
  return { fake, id, service: createNodeService({ ...fake.tools, node, driver: 'd.test' }) };
}
const ext4 = { type: 'ext4', state: 'used', size: GiB } as const;

describe('staging a filesystem', () => {
  test('a blank volume that never was formatted is formatted, put on record, then mounted', async () => {
    const { fake, id, service } = setup();
    await service.nodeStageVolume(stageRequest(id), call);
    expect(fake.changes).toEqual(['mkfs ext4', 'record ext4', `mkdir ${staging}`, `mount ${staging}`]);
  });

  test('a second call changes nothing', async () => {
    const { fake, id, service } = setup();
    await service.nodeStageVolume(stageRequest(id), call);
    fake.changes.length = 0;
    await service.nodeStageVolume(stageRequest(id), call);
    expect(fake.changes).toEqual([]);
  });

  test('a formatted volume is checked and mounted, and grown when its device has more', async () => {
    const { fake, id, service } = setup({ tag: 'ext4', content: { ...ext4 }, size: 2n * GiB });
    await service.nodeStageVolume(stageRequest(id), call);
    expect(fake.changes).toEqual(['check', `mkdir ${staging}`, `mount ${staging}`, 'grow']);
  });

  test('a btrfs that the kernel cannot grow is mounted as it is', async () => {
    const content = { type: 'btrfs', state: 'used', size: 112n * MiB } as const;
    const { fake, id, service } = setup({ tag: 'btrfs', content, size: 200n * MiB });
    await service.nodeStageVolume(stageRequest(id, mountCapability('btrfs')), call);
    expect(fake.changes).toEqual(['check', `mkdir ${staging}`, `mount ${staging}`]);
  });

  test('a read-only stage does not grow', async () => {
    const { fake, id, service } = setup({ tag: 'ext4', content: { ...ext4 }, size: 2n * GiB });
    await service.nodeStageVolume(stageRequest(id, mountCapability('ext4', ['ro'])), call);
    expect(fake.changes).not.toContain('grow');
  });

  test('a filesystem that is not on record is kept, examined in full, and recorded', async () => {
    const { fake, id, service } = setup({ content: { ...ext4 } });
    await service.nodeStageVolume(stageRequest(id), call);
    expect(fake.changes.slice(0, 2)).toEqual(['check in full', 'record ext4']);
  });

  test.each<[string, Partial<Disk>]>([
    ['blank but on record as formatted', { tag: 'ext4' }],
    ['another filesystem', { tag: 'xfs', content: { ...ext4, type: 'xfs' } }],
    ['another filesystem that is not on record', { content: { ...ext4, type: 'xfs' } }],
    ['a partition table', { content: 'a gpt partition table' }],
    ['encryption', { content: 'crypto_LUKS' }],
    ['errors that need a person', { tag: 'ext4', content: { ...ext4 }, damaged: true }],
  ])('left alone: %s', async (_, disk) => {
    const { fake, id, service } = setup(disk);
    const before = structuredClone(fake.disks);
    await expect(service.nodeStageVolume(stageRequest(id), call)).rejects.toMatchObject({ kind: 'precondition' });
    expect(fake.disks).toEqual(before);
    expect(fake.table).toEqual([]);
  });

  test('names both filesystems', async () => {
    const { id, service } = setup({ content: { ...ext4, type: 'xfs' } });
    expect(await failure('precondition', service.nodeStageVolume(stageRequest(id), call))).toMatch(/ext4.*xfs/);
  });

  test('a device that cannot be read is not blank', async () => {
    const { fake, id, service } = setup({ readable: false });
    await expect(service.nodeStageVolume(stageRequest(id), call)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(fake.changes).toEqual([]);
  });

  test('the path may not be taken by another volume, filesystem, mode or access', async () => {
    const { fake, id, service } = setup({ tag: 'ext4', content: { ...ext4 } });
    const other = fake.addVolume('b');
    await service.nodeStageVolume(stageRequest(id), call);
    await expect(service.nodeStageVolume(stageRequest(other), call)).rejects.toMatchObject({ kind: 'exists' });
    await expect(service.nodeStageVolume(stageRequest(id, mountCapability('xfs')), call)).rejects.toMatchObject({
      kind: 'exists',
    });
    await expect(
      service.nodeStageVolume(stageRequest(id, mountCapability('ext4', ['ro'])), call),
    ).rejects.toMatchObject({ kind: 'exists' });
    await expect(service.nodeStageVolume(stageRequest(id, blockCapability()), call)).rejects.toMatchObject({
      kind: 'exists',
    });
  });

  test('a volume whose staging mount vanished under its pods is mounted again without a check', async () => {
    const { fake, id, service } = setup();
    await service.nodeStageVolume(stageRequest(id), call);
    await service.nodePublishVolume(publishRequest(id), call);
    fake.table = fake.table.filter((mount) => mount.target !== staging);
    fake.changes.length = 0;
    await service.nodeStageVolume(stageRequest(id), call);
    expect(fake.changes).toEqual([`mkdir ${staging}`, `mount ${staging}`]);
  });

  test('two calls at once: the second is busy', async () => {
    const { id, service } = setup();
    const first = service.nodeStageVolume(stageRequest(id), call);
    await expect(service.nodeStageVolume(stageRequest(id), call)).rejects.toMatchObject({ kind: 'busy' });
    await first;
  });

  test.each([
    ['mkfs', 'make', {}],
    ['a check in full', 'check', { content: { ...ext4 } }],
  ] as const)(
    'a caller that gives up during %s: its result is put on record, or it would begin again',
    async (_, tool, disk) => {
      const { fake, id, service } = setup(structuredClone(disk));
      const caller = new AbortController();
      const { filesystems } = fake.tools;
      const work = filesystems[tool] as (...given: unknown[]) => Promise<void>;
      Object.assign(filesystems, {
        [tool]: async (...given: unknown[]) => {
          caller.abort();
          return work(...given);
        },
      });
      await service.nodeStageVolume(stageRequest(id), caller);
      expect(fake.disks.get('a')?.tag).toBe('ext4');
    },
  );

  test('a caller that gave up before mkfs gets no mkfs', async () => {
    const { fake, id, service } = setup();
    await expect(service.nodeStageVolume(stageRequest(id), { signal: AbortSignal.abort() })).rejects.toThrow('aborted');
    expect(fake.changes).toEqual([]);
  });
});

describe('staging a block device', () => {
  test('its node is bound to a file below the staging path, once', async () => {
    const { fake, id, service } = setup();
    await service.nodeStageVolume(stageRequest(id, blockCapability()), call);
    await service.nodeStageVolume(stageRequest(id, blockCapability()), call);
    expect(fake.changes).toEqual(['record block', `touch ${staging}/device`, `bind ${staging}/device`]);
  });

  test('what it holds afterwards is its user’s: no filesystem is made or mounted on it', async () => {
    for (const content of [undefined, { ...ext4 }] as const) {
      const { fake, id, service } = setup();
      await service.nodeStageVolume(stageRequest(id, blockCapability()), call);
      await service.nodeUnstageVolume({ volumeId: id, stagingTargetPath: staging }, call);
      Object.assign(fake.disks.get('a') as Disk, { content });
      const before = fake.state();
      expect(await failure('precondition', service.nodeStageVolume(stageRequest(id), call))).toContain('raw block');
      expect(fake.state()).toEqual(before);
    }
  });

  test('a volume that was formatted stays on record as that', async () => {
    const { fake, id, service } = setup({ tag: 'ext4', content: { ...ext4 } });
    await service.nodeStageVolume(stageRequest(id, blockCapability()), call);
    expect(fake.disks.get('a')?.tag).toBe('ext4');
  });

  test('is refused while the volume is mounted elsewhere as a filesystem, and the other way round', async () => {
    const { fake, id, service } = setup({ tag: 'ext4', content: { ...ext4 } });
    const other = (capability = mountCapability()): ReturnType<typeof stageRequest> => ({
      ...stageRequest(id, capability),
      stagingTargetPath: '/kubelet/other',
    });
    await service.nodeStageVolume(stageRequest(id), call);
    const before = fake.state();
    expect(await failure('precondition', service.nodeStageVolume(other(blockCapability()), call))).toContain(staging);
    expect(fake.state()).toEqual(before);
    await service.nodeUnstageVolume({ volumeId: id, stagingTargetPath: staging }, call);
    await service.nodeStageVolume(other(blockCapability()), call);
    expect(await failure('precondition', service.nodeStageVolume(stageRequest(id), call))).toContain('/kubelet/other');
  });

  test('another device at that file, or a filesystem asked for there, is refused', async () => {
    const { fake, id, service } = setup();
    const other = fake.addVolume('b');
    await service.nodeStageVolume(stageRequest(id, blockCapability()), call);
    await expect(service.nodeStageVolume(stageRequest(other, blockCapability()), call)).rejects.toMatchObject({
      kind: 'exists',
    });
    await expect(service.nodeStageVolume(stageRequest(id), call)).rejects.toMatchObject({ kind: 'exists' });
  });
});

describe('unstaging', () => {
  const request = (volumeId: string): { volumeId: string; stagingTargetPath: string } => ({
    volumeId,
    stagingTargetPath: staging,
  });

  test.each(['mount', 'block'] as const)('undoes a stage for %s access, all layers of it', async (access) => {
    const { fake, id, service } = setup();
    await service.nodeStageVolume(stageRequest(id, access === 'block' ? blockCapability() : mountCapability()), call);
    fake.table = [...fake.table, ...fake.table];
    await service.nodeUnstageVolume(request(id), call);
    await service.nodeUnstageVolume(request(id), call);
    expect(fake.table).toEqual([]);
    expect([...fake.paths.keys()].filter((path) => path !== staging)).toEqual([]);
  });

  test('works without the volume, and leaves alone what an unknown id cannot have staged', async () => {
    const { fake, id, service } = setup();
    await service.nodeStageVolume(stageRequest(id), call);
    await service.nodeUnstageVolume(request('something else'), call);
    expect(fake.table).toHaveLength(1);
    await service.nodeUnstageVolume(request('n1:gone'), call);
    expect(fake.table).toEqual([]);
  });

  test('is refused while the volume is published', async () => {
    const { fake, id, service } = setup();
    await service.nodeStageVolume(stageRequest(id), call);
    await service.nodePublishVolume(publishRequest(id), call);
    const before = fake.state();
    expect(await failure('precondition', service.nodeUnstageVolume(request(id), call))).toContain(target);
    expect(fake.state()).toEqual(before);
  });
});
